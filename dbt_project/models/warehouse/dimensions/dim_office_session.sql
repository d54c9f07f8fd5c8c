{{ config(post_hook='analyze {{ this }}', indexes=[
  {'columns': ['agency_code', 'date_day']}, {'columns': ['agency_code', 'opens_at']}, {'columns': ['agency_code', 'worked_until']}
]) }}
with hours as (
  select coalesce(agency_code, '') as agency_code, weekday_number, opens_at, closes_at, valid_from, valid_to
  from {{ ref('working_sessions') }}
), office as (
  select '' as agency_code, '' as hours_of
  union
  select agency_code, agency_code from hours
  union
  select agency.agency_code, agency.unit_agency_code
  from {{ ref('dim_agency') }} as agency
  where agency.unit_agency_code in (select agency_code from hours)
    and agency.agency_code not in (select agency_code from hours)
), office_day as (
  select
    office.agency_code,
    day.date_day,
    day.hours_of_weekday,
    case
      when exists (
        select from hours where hours.agency_code = office.hours_of and {{ valid_on('hours', 'day.date_day') }}
      ) then office.hours_of
      else ''
    end as hours_of
  from office
  cross join {{ ref('dim_date') }} as day
  where day.is_working_day
), session as (
  select
    office_day.agency_code,
    office_day.date_day,
    {{ office_time('office_day.date_day + hours.opens_at') }} as opens_at,
    {{ office_time('office_day.date_day + hours.closes_at') }} as closes_at
  from office_day
  left join hours
    on hours.agency_code = office_day.hours_of
    and hours.weekday_number = office_day.hours_of_weekday
    and {{ valid_on('hours', 'office_day.date_day') }}
)

select
  agency_code,
  date_day,
  opens_at,
  closes_at,
  sum(closes_at - opens_at) over (so_far rows unbounded preceding) - (closes_at - opens_at) as worked_before,
  sum(closes_at - opens_at) over (so_far rows unbounded preceding) as worked_until,
  opens_at is null
    or closes_at <= opens_at
    or coalesce(opens_at < max(closes_at) over (so_far rows between unbounded preceding and 1 preceding), false)
    as is_wrong
from session
window so_far as (partition by agency_code order by opens_at, closes_at)
