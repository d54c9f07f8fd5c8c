{{ config(
  materialized='fact', unique_key='dossier_key',
  indexes=[{'columns': ['dossier_key', 'from_date'], 'unique': true}]
) }}
{%- set fills = systems_that_fill_due_dates() %}
{% if fills -%}
{% call also_touched() %}
  {{ dossiers_of_touched_lists() }}
{% endcall %}
{%- endif %}
{% call look_up() %}
  {{ versions(ref('union_dossier')) }}
{% endcall %}
with version as (
  select
    told.dossier_key,
    told.system,
    told.agency_code,
    told.status,
    told.received_at,
    {{ leading_system('told', 'place') }} as leading_system,
    {{ 'coalesce(told.due_at, latest.due_at)' if fills else 'told.due_at' }} as due_at,
    told.refused_at,
    told.updated_at,
    told.supplement_requested_at as requested_at,
    told.supplemented_at as answered_at,
    coalesce(told.processed_at, told.returned_at) as resolved_at,
    told._batch_id,
    told._row_number,
    {{ day_of('told.received_at', 'place') }} as received_date,
    {{ day_of('coalesce(told.due_at, latest.due_at)' if fills else 'told.due_at', 'place') }} as due_date,
    {{ day_of('told.supplement_requested_at', 'place') }} as requested_date,
    {{ day_of('told.supplemented_at', 'place') }} as answered_date,
    {{ told_on('told.updated_at', 'told._business_date', 'place') }} as told_date,
    coalesce(place.time_zone, current_setting('TimeZone')) as time_zone,
    place.due_moves,
    row_number() over newest_first as age,
    first_value(told.status) over newest_first as last_status,
    first_value(coalesce(told.processed_at, told.returned_at)) over newest_first as last_resolved_at
  from {{ looked_up(ref('union_dossier')) }} as told
  left join {{ ref('dim_system') }} as place using (system)
  {%- if fills %}
  left join {{ ref('dim_procedure') }} as procedure
    on procedure.procedure_code = told.procedure_code
    and {{ day_of('told.received_at', 'place') }} between procedure.valid_from and coalesce(procedure.valid_to, 'infinity')
  {{ join_latest_due('told', 'told.agency_code', 'procedure', "told.due_at is null and told.system in ('" ~ fills | join("', '") ~ "')") }}
  {%- endif %}
  window newest_first as (partition by told.dossier_key order by {{ newest_first('told.updated_at') }})
), last_status as (
  -- Since when its newest status has been told.
  select dossier_key, min(told_date) as since_date, (array_agg(updated_at order by age desc))[1] as since
  from (
    select
      version.*,
      bool_and(status is not distinct from last_status) over (partition by dossier_key order by age) as is_since
    from version
  ) as each
  where is_since
  group by dossier_key
), end_told as (
  -- Since when its end has been told, by which version, and what the version before that said.
  select
    dossier_key,
    min(told_date) filter (where is_since) as told_date,
    (array_agg(_batch_id order by age desc) filter (where is_since))[1] as batch_id,
    (array_agg(_row_number order by age desc) filter (where is_since))[1] as row_number,
    (array_agg((resolved_at at time zone time_zone)::date order by age) filter (where not is_since))[1] as resolved_before
  from (
    select
      version.*,
      bool_and(resolved_at is not distinct from last_resolved_at) over (partition by dossier_key order by age) as is_since
    from version
  ) as each
  where last_resolved_at is not null
  group by dossier_key
), ended as (
  -- What ends it, by priority: processed, returned, refused after reception, stopped or withdrawn.
  select
    newest.dossier_key,
    newest.system,
    newest.received_at,
    newest.received_date,
    newest.time_zone,
    newest.due_moves,
    case
      when newest.resolved_at is not null then 'resolved'
      when newest.refused_at >= newest.received_at then 'returned'
      else status.ends_as
    end as end_kind,
    coalesce(
      newest.resolved_at,
      case when newest.refused_at >= newest.received_at then newest.refused_at end,
      case when status.ends_as is not null then
        coalesce(last_status.since, last_status.since_date::timestamp at time zone newest.time_zone)
      end
    ) as ended_at,
    end_told.told_date as end_told_date,
    end_told.batch_id as end_batch_id,
    end_told.row_number as end_row_number,
    end_told.resolved_before as ended_date_before
  from version as newest
  join last_status using (dossier_key)
  left join end_told using (dossier_key)
  left join {{ ref('dim_dossier_status') }} as status on status.status = newest.status
  where newest.age = 1 and newest.received_at is not null and newest.leading_system is not distinct from newest.system
), dossier as (
  select
    ended.*,
    case when ended_at is not null then greatest((ended_at at time zone time_zone)::date, received_date) end as ended_date
  from ended
), placed as (
  -- Each version from its day on, the first one from the reception on.
  select distinct on (dossier_key, from_date) *
  from (
    select
      dossier.dossier_key, dossier.received_date, dossier.ended_date,
      version.agency_code, version.age,
      -- What is due at a time before its reception can't be, and is due never.
      case when is_possible then version.due_at end as due_at,
      case when is_possible then version.due_date end as due_date,
      case
        when version.told_date = min(version.told_date) over (partition by dossier_key) then dossier.received_date
        else greatest(version.told_date, dossier.received_date)
      end as from_date
    from dossier
    join version using (dossier_key)
    cross join lateral (
      select not coalesce(
        version.due_at < dossier.received_at and (version.due_at at time zone version.time_zone)::time <> '00:00', false
      ) as is_possible
    ) as due
  ) as each
  where from_date <= coalesce(ended_date, 'infinity')
  order by dossier_key, from_date, age
), change as (
  select *
  from (
    select
      placed.*,
      (agency_code, due_at) is distinct from lag((agency_code, due_at)) over (partition by dossier_key order by from_date)
        or from_date = received_date as is_change
    from placed
  ) as each
  where is_change
), request as (
  {{ dossier_requests('version') }}
), waiting as (
  select dossier_key, requested_date, answered_date, requested_at, answered_at, 'all' as stops from request
  union all
  -- Statuses tell of supplements where nothing else does, and of payments.
  select dossier_key, told_date, next_date, told_at, next_at, stops
  from (
    select
      status.*,
      lead(told_date) over (partition by dossier_key order by age desc) as next_date,
      lead(told_at) over (partition by dossier_key order by age desc) as next_at
    from (
      -- Told again, it is the same request.
      select
        version.dossier_key, version.age, version.told_date, pausing.stops,
        coalesce(version.updated_at, version.told_date::timestamp at time zone version.time_zone) as told_at,
        pausing.stops is distinct from lag(pausing.stops) over (partition by version.dossier_key order by version.age desc)
          as is_new
      from version
      left join {{ ref('dim_pausing_status') }} as pausing on pausing.system = version.system and pausing.status = version.status
    ) as status
    where is_new
  ) as each
  where stops = 'clock' or stops = 'all' and dossier_key not in (select dossier_key from request)
), asked as (
  select
    waiting.dossier_key,
    greatest(waiting.requested_date, dossier.received_date) as requested_date,
    waiting.answered_date,
    greatest(waiting.requested_at, dossier.received_at) as requested_at,
    waiting.answered_at,
    waiting.stops
  from waiting
  join dossier using (dossier_key)
), wait as (
  -- Requests that overlap or meet are waited for once; the clock stands still in all of them.
  select dossier_key, stops, lower(span) as from_date, upper(span) as to_date
  from (
    select asked.dossier_key, what.stops, range_agg(daterange(requested_date, answered_date)) as spans
    from asked
    join (values ('all'), ('clock')) as what (stops) on asked.stops = 'all' or what.stops = 'clock'
    where requested_date < coalesce(answered_date, 'infinity')
    group by asked.dossier_key, what.stops
  ) as merged
  cross join lateral unnest(merged.spans) as part (span)
), answer as (
  -- Working days of all that was answered until then, those of several requests once.
  select
    answered.dossier_key,
    answered.answered_date,
    sum(last_day.working_day_number - first_day.working_day_number) as pause_days
  from (
    select distinct on (dossier_key, answered_date)
      dossier_key, answered_date,
      range_agg(daterange(requested_date, answered_date)) over (partition by dossier_key order by answered_date) as spans
    from asked
    where requested_date < answered_date and stops = 'all'
  ) as answered
  cross join lateral unnest(answered.spans) as part (span)
  join {{ ref('dim_date') }} as first_day on first_day.date_day = lower(part.span)
  join {{ ref('dim_date') }} as last_day on last_day.date_day = upper(part.span)
  group by answered.dossier_key, answered.answered_date
), clock as (
  -- The same by the clock: also of what was answered on the day of its request.
  select dossier_key, answered_date, sum(upper(span) - lower(span)) as paused_time
  from (
    select dossier_key, answered_date, unnest(spans) as span
    from (
      select distinct on (dossier_key, answered_date)
        dossier_key, answered_date,
        range_agg(tstzrange(requested_at, answered_at)) over (partition by dossier_key order by answered_date) as spans
      from asked
      where requested_at < answered_at
    ) as answered
  ) as each
  group by dossier_key, answered_date
), step as (
  select
    event.dossier_key,
    event.on_date,
    max(event.agency_code) as agency_code,
    max(event.due_at) as due_at,
    max(event.due_date) as due_date,
    bool_or(event.is_change) as is_change,
    sum(event.waits) as waits,
    sum(event.clock_waits) as clock_waits,
    max(event.pause_days) as pause_days,
    max(event.paused_time) as paused_time,
    sum(event.requests) as requests,
    max(event.requested_date) as requested_date
  from (
    select
      dossier_key, from_date as on_date, agency_code, due_at, due_date, true as is_change, 0 as waits, 0 as clock_waits, 0 as pause_days,
      interval '0' as paused_time, 0 as requests, null::date as requested_date
    from change
    union all
    select dossier_key, from_date, null, null, null, false, (stops = 'all')::int, (stops = 'clock')::int, 0, interval '0', 0, null
    from wait
    union all
    select dossier_key, to_date, null, null, null, false, -(stops = 'all')::int, -(stops = 'clock')::int, 0, interval '0', 0, null
    from wait
    where to_date is not null
    union all
    select dossier_key, answered_date, null, null, null, false, 0, 0, pause_days, interval '0', 0, null
    from answer
    union all
    select dossier_key, answered_date, null, null, null, false, 0, 0, 0, paused_time, 0, null
    from clock
    union all
    select dossier_key, requested_date, null, null, null, false, 0, 0, 0, interval '0', 1, requested_date
    from asked
    where requested_at < coalesce(answered_at, 'infinity')
  ) as event
  join dossier using (dossier_key)
  where event.on_date <= coalesce(dossier.ended_date, 'infinity')
  group by event.dossier_key, event.on_date
), running as (
  select
    dossier_key, on_date, agency_code, due_at, due_date,
    count(*) filter (where is_change) over so_far as change_number,
    sum(waits) over so_far > 0 as is_waiting,
    sum(clock_waits) over so_far > 0 as is_clock_stopped,
    (max(pause_days) over so_far)::integer as pause_days,
    max(paused_time) over so_far as paused_time,
    (sum(requests) over so_far)::integer as request_count,
    max(requested_date) over so_far as requested_date
  from step
  window so_far as (partition by dossier_key order by on_date)
), stretch as (
  select
    dossier_key,
    on_date as from_date,
    lead(on_date) over of_dossier - 1 as to_date,
    first_value(agency_code) over of_change as agency_code,
    first_value(agency_code) over of_dossier as receiving_agency_code,
    first_value(due_at) over of_change as due_at,
    first_value(due_date) over of_change as due_date,
    first_value(due_date) over of_due as first_due_date,
    is_waiting,
    is_clock_stopped,
    pause_days,
    paused_time,
    request_count,
    requested_date
  from running
  window
    of_dossier as (partition by dossier_key order by on_date),
    of_due as (partition by dossier_key order by due_at is null, on_date),
    of_change as (partition by dossier_key, change_number order by on_date)
)

select
  dossier.dossier_key,
  stretch.from_date,
  stretch.to_date,
  dossier.system,
  dossier.due_moves,
  stretch.receiving_agency_code,
  stretch.agency_code,
  stretch.is_waiting,
  stretch.is_clock_stopped,
  stretch.pause_days,
  stretch.paused_time,
  stretch.request_count,
  stretch.requested_date,
  stretch.due_at,
  stretch.due_date,
  (stretch.due_at at time zone dossier.time_zone)::time = '00:00' as is_due_all_day,
  {{ working_days_after('stretch.due_date', 'stretch.pause_days') }} as paused_due_date,
  stretch.first_due_date,
  {{ working_days_after('stretch.first_due_date', 'stretch.pause_days') }} as paused_first_due_date,
  dossier.received_date,
  dossier.ended_at,
  dossier.ended_date,
  ((dossier.ended_at - stretch.paused_time) at time zone dossier.time_zone)::date as worked_until_date,
  dossier.end_kind,
  dossier.end_told_date,
  dossier.end_batch_id,
  dossier.end_row_number,
  dossier.ended_date_before
from stretch
join dossier using (dossier_key)
