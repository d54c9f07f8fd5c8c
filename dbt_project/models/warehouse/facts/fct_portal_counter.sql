{{ config(materialized='fact', unique_key='counter_key') }}
with newest as (
  {{ newest(ref('union_portal_counter'), 'counter_key') }}
)

select
  newest.counter_key,
  newest.system,
  agency.agency_key,
  newest.agency_code,
  newest.counter,
  newest.counted_on,
  newest.year_to_date,
  newest.since_opening,
  newest._batch_id,
  newest._row_number
from newest
{{ join_agency('newest', 'counted_on') }}
