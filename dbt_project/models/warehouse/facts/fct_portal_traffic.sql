{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='traffic_key',
  indexes=[{'columns': ['traffic_key'], 'unique': true}]
) }}
{% set touched = ref('touched_portal_traffic') %}
with version as (
  {{ in_force(ref('union_portal_traffic'), 'traffic_key', touched) }}
), newest as (
  select distinct on (traffic_key) *
  from version
  order by traffic_key, {{ newest_first() }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.visit_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
