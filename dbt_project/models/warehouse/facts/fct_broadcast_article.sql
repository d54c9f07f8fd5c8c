{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='article_key',
  indexes=[{'columns': ['article_key'], 'unique': true}]
) }}
{% set touched = ref('touched_broadcast_article') %}
with newest as (
  select distinct on (article_key) *
  from {{ ref('stg_broadcasting__articles') }}
  where _is_in_force {{ only_touched('article_key', touched) }}
  order by article_key, {{ newest_first() }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.received_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
