{{ config(materialized='fact', unique_key='traffic_key') }}
with newest as (
  {{ newest(ref('union_portal_traffic'), 'traffic_key') }}
)

select
  newest.traffic_key,
  newest.system,
  agency.agency_key,
  newest.agency_code,
  newest.section,
  newest.visit_date,
  newest.visit_count,
  newest.page_view_count,
  newest._batch_id,
  newest._row_number
from newest
{{ join_agency('newest', 'visit_date') }}
