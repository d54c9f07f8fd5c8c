{{ config(materialized='fact', unique_key='programme_key') }}
with newest as (
  {{ newest(ref('stg_broadcasting__programmes'), 'programme_key', version_by='updated_at') }}
)

select
  newest.programme_key,
  newest.programme_code,
  agency.agency_key,
  newest.agency_code,
  newest.broadcast_date,
  newest.programme_title,
  newest.minute_count,
  newest.listen_count,
  newest.updated_at,
  newest._batch_id,
  newest._row_number
from newest
{{ join_agency('newest', 'broadcast_date') }}
