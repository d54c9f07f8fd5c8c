{{ config(materialized='fact', unique_key='article_key') }}
with newest as (
  {{ newest(ref('stg_broadcasting__articles'), 'article_key') }}
)

select
  newest.article_key,
  newest.article_code,
  agency.agency_key,
  newest.agency_code,
  newest.contributor_code,
  newest.received_date,
  newest.is_broadcast,
  newest._batch_id,
  newest._row_number
from newest
{{ join_agency('newest', 'received_date') }}
