{{ config(
  materialized='kept',
  unique_key=['agency_code', 'date_day'],
  indexes=[
    {'columns': ['date_day', 'agency_code']},
    {'columns': ['from_build']},
    {'columns': ['to_build']},
  ]
) }}
{% set measures = {
  'item_received_count': 'portal_items_received',
  'item_published_count': 'portal_items_published',
  'photo_published_count': 'portal_photos_published',
  'directive_published_count': 'portal_directive_documents_published',
  'visit_count': 'portal_visits',
  'page_view_count': 'portal_page_views',
} %}
{% call touched_keys() %}
  {{ touched_days(['movement_portal_item', 'movement_portal_traffic']) }}
{% endcall %}
with moved as (
  {{ rows_of_days(measures) }}
)

select
  moved.movement_date as date_day,
  coalesce(agency.agency_key, {{ unknown_key() }}) as agency_key,
  moved.agency_code,
  coalesce(item.section, traffic.section, '') as section,
  coalesce(item.item_type, '') as item_type,
  {{- measured(measures) }},
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from moved
{{ join_agency_of_day() }}
left join {{ ref('fct_portal_item') }} as item
  on moved.source = 'movement_portal_item' and item.item_key = moved.fact_key
left join {{ ref('fct_portal_traffic') }} as traffic
  on moved.source = 'movement_portal_traffic' and traffic.traffic_key = moved.fact_key
group by 1, 2, 3, 4, 5
