{{ config(pre_hook="drop function if exists {{ this }}") }}
{#- `offset 0` keeps a step from being written out, and computed, in every later one; `order by … limit 1` keeps a look-up one by an
   index, whatever the planner thinks of the rows. -#}
{%- set dim_date = ref('dim_date').include(database=false) -%}
{%- set dim_office_session = ref('dim_office_session').include(database=false) %}
select
  counted.counted_from,
  pause.paused_days,
  case
    when given.is_in_hours and pause.paused_days = 0 then worked.ends_at
    when given.is_in_hours then {{ office_time('due_day.date_day + (' ~ office_time('worked.ends_at') ~ ')::time') }}
    when rules.day_end = 'same_time' and not last.is_moved
      then {{ office_time('due_day.date_day + (' ~ office_time('counted.counted_from') ~ ')::time') }}
    else (
      select max(session.closes_at)
      from {{ dim_office_session }} as session
      where session.agency_code = given.agency_code and session.date_day = due_day.date_day
    )
  end as due_at,
  not due_day.is_announced as is_provisional
from (select * from {{ ref('deadline_rules').include(database=false) }} limit 1) as rules
cross join lateral (
  select
    {{ office_time('deadline.received_at') }} as received_at,
    deadline.takes_unit = 'h' or deadline.takes_unit = 'd' and deadline.takes <> trunc(deadline.takes) as is_in_hours,
    coalesce(
      (
        select own.agency_code
        from {{ dim_office_session }} as own
        where own.agency_code = deadline.agency_code
        order by own.date_day
        limit 1
      ),
      ''
    ) as agency_code
  offset 0
) as given
cross join lateral (
  select day.working_day_number, day.is_working_day, day.date_day
  from {{ dim_date }} as day
  where day.date_day = given.received_at::date
  limit 1
) as reception
cross join lateral (
  select
    case
      when not reception.is_working_day then rules.reception_on_day_off = 'next_working_day'
      else deadline.received_at > (
        select max(session.closes_at)
        from {{ dim_office_session }} as session
        where session.agency_code = given.agency_code and session.date_day = reception.date_day
      ) or coalesce(given.received_at::time > (
        select cut_off.cut_off_at
        from {{ ref('cut_offs').include(database=false) }} as cut_off
        where (cut_off.procedure_code is null or cut_off.procedure_code = deadline.procedure_code)
          and {{ valid_on('cut_off', 'reception.date_day') }}
        order by cut_off.procedure_code nulls last
        limit 1
      ), false)
    end as is_next_day
  offset 0
) as late
cross join lateral (
  select
    reception.working_day_number + late.is_next_day::integer as day_number,
    reception.is_working_day or late.is_next_day as is_working_day,
    case when late.is_next_day then (
      select min(session.opens_at)
      from {{ dim_office_session }} as session
      where session.agency_code = given.agency_code and session.date_day = (
        select min(day.date_day) from {{ dim_date }} as day where day.working_day_number = reception.working_day_number + 1
      )
    ) else deadline.received_at end as counted_from
  offset 0
) as counted
left join lateral (
  select
    begun.worked_before + (least(begun.closes_at, counted.counted_from) - begun.opens_at)
      + (deadline.takes * case when deadline.takes_unit = 'd' then rules.hours_of_day else 1 end)::double precision
      * interval '1 hour' as worked_until
  from {{ dim_office_session }} as begun
  where given.is_in_hours and begun.agency_code = given.agency_code and begun.opens_at <= counted.counted_from
  order by begun.agency_code desc, begun.opens_at desc
  limit 1
) as target on true
left join lateral (
  select session.date_day, session.opens_at + (target.worked_until - session.worked_before) as ends_at
  from {{ dim_office_session }} as session
  where session.agency_code = given.agency_code and session.worked_until >= target.worked_until
  order by session.agency_code, session.worked_until
  limit 1
) as worked on true
left join lateral (
  select day.working_day_number, day.is_working_day
  from {{ dim_date }} as day
  where day.date_day = case deadline.takes_unit
    when 'cd' then ({{ office_time('counted.counted_from') }})::date + deadline.takes::integer
    else worked.date_day
  end
  limit 1
) as last_day on true
cross join lateral (
  select
    case
      when deadline.takes_unit = 'cd' then not last_day.is_working_day
      else deadline.takes = 0 and not counted.is_working_day
    end as is_moved,
    case
      when given.is_in_hours or deadline.takes_unit = 'cd' then last_day.working_day_number
      when deadline.takes_unit = 'd' then counted.day_number + deadline.takes::integer
    end as day_number
  offset 0
) as last
cross join lateral (
  select
    case when deadline.asked_at is null then 0 else (
      select count(distinct day.date_day)
      from unnest(deadline.asked_at, deadline.answered_at) as asked (asked_at, answered_at)
      join {{ dim_date }} as day
        on day.date_day > ({{ office_time('asked.asked_at') }})::date
        and day.date_day <= ({{ office_time('asked.answered_at') }})::date
      where day.is_working_day
    ) end as paused_days
  offset 0
) as pause
left join lateral (
  select day.date_day, day.is_announced
  from {{ dim_date }} as day
  where day.working_day_number = last.day_number + last.is_moved::integer + pause.paused_days
  order by day.working_day_number, day.date_day
  limit 1
) as due_day on true
