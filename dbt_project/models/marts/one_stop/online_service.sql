with period as (
  {{ told_periods("= 'dossier'") }}
), offered as (
  select scheme, period_code, agency_code, service_level_scheme, service_level, procedure_count
  from period
  join (
    {{ procedures_offered('agency_code, service_level_scheme, service_level') }}
  ) as standing on period.to_date >= standing.day and period.to_date < coalesce(standing.next_day, 'infinity')
  where procedure_count > 0
), daily as (
  select
    unit_agency_code as agency_code, service_level_scheme, service_level, received_date,
    count(*) as received_count,
    count(*) filter (where is_received_online) as received_online_count
  from {{ ref('fct_dossier') }}
  where unit_agency_code is not null and service_level is not null
  group by 1, 2, 3, 4
), {{ bucket_ctes('period') }}, received as (
  select
    period.scheme, period.period_code, daily.agency_code, daily.service_level_scheme, daily.service_level,
    sum(daily.received_count) as received_count,
    sum(daily.received_online_count) as received_online_count
  from daily
  cross join boundary
  join bucket_of_period as period on period.bucket = {{ bucket_of('daily.received_date') }}
  group by 1, 2, 3, 4, 5
)

select
  scheme,
  period_code,
  agency_code,
  service_level_scheme,
  service_level,
  coalesce(offered.procedure_count, 0)::bigint as procedure_count,
  coalesce(received.received_count, 0)::bigint as received_count,
  coalesce(received.received_online_count, 0)::bigint as received_online_count,
  round(100.0 * received.received_online_count / nullif(received.received_count, 0), 2) as received_online_pct
from offered
full join received using (scheme, period_code, agency_code, service_level_scheme, service_level)
