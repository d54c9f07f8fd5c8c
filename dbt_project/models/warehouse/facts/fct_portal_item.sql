{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='item_key',
  indexes=[{'columns': ['item_key'], 'unique': true}]
) }}
{% set touched = ref('touched_portal_item') %}
with version as (
  {{ in_force(ref('union_portal_item'), 'item_key', touched) }}
), newest as (
  select distinct on (item_key) *
  from version
  order by item_key, {{ newest_first('updated_at') }}
), dated as (
  select
    newest.*,
    {{ day_of('newest.received_at', 'system') }} as received_date,
    {{ day_of('newest.published_at', 'system') }} as published_date
  from newest
  left join {{ ref('dim_system') }} as system using (system)
)

select
  dated.item_key,
  dated.item_code,
  dated.system,
  agency.agency_key,
  dated.agency_code,
  dated.contributor_code,
  dated.section,
  dated.item_type,
  dated.status,
  dated.photo_count,
  dated.received_at,
  dated.received_date,
  dated.published_at,
  dated.published_date,
  -- Taken off later or not, it was published.
  dated.published_at is not null as is_published,
  dated.updated_at,
  dated._batch_id,
  dated._row_number
from dated
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = dated.agency_code
  and dated.received_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
