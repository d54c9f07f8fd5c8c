{{ config(materialized='fact', unique_key='lookup_key') }}
with newest as (
  {{ newest(ref('stg_lookups__results'), 'lookup_key') }}
)

select
  newest.lookup_key,
  agency.agency_key,
  newest.agency_code,
  newest.lookup_channel,
  newest.counted_on,
  newest.lookup_count,
  newest._batch_id,
  newest._row_number
from newest
{{ join_agency('newest', 'counted_on') }}
