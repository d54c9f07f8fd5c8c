-- A reading moves the count by what it grew since the reading before: until a day it adds up to the last reading.
with reading as (
  select
    counter.*,
    since_opening - coalesce(
      lag(since_opening) over (partition by system, agency_code, counter order by counted_on), 0
    ) as growth
  from {{ ref('fct_portal_counter') }} as counter
)

select
  step.metric,
  reading.agency_code,
  null::text as detail,
  reading.counted_on as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  reading.growth::bigint as amount,
  reading.counter || ' ' || reading.counted_on as row_code,
  reading._batch_id,
  reading._row_number
from reading
cross join lateral (
  values
    ('portal_items_published_cumulative', counter = 'items'),
    ('portal_photos_published_cumulative', counter = 'photos'),
    ('portal_visits_cumulative', counter = 'visits')
) as step (metric, applies)
where step.applies and reading.growth <> 0
