{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='item_key',
  indexes=[{'columns': ['item_key'], 'unique': true}]
) }}
{% set touched = ref('touched_portal_item') %}
with newest as (
  select distinct on (item_key) *
  from {{ ref('stg_portal__items') }}
  where _is_in_force {{ only_touched('item_key', touched) }}
  order by item_key, {{ newest_first('updated_at') }}
)

select
  newest.item_key,
  newest.item_code,
  newest.system,
  agency.agency_key,
  newest.agency_code,
  newest.section,
  newest.item_type,
  newest.status,
  newest.photo_count,
  newest.received_at,
  newest.received_at::date as received_date,
  newest.published_at,
  newest.published_at::date as published_date,
  -- Taken off later or not, it was published.
  newest.published_at is not null as is_published,
  newest.updated_at,
  newest._batch_id,
  newest._row_number
from newest
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.received_at::date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
