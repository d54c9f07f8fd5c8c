{{ config(materialized='fact', unique_key='item_key') }}
with newest as (
  {{ newest(ref('union_portal_item'), 'item_key', version_by='updated_at') }}
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
{{ join_agency('dated', 'received_date') }}
