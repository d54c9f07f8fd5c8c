{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='lookup_key',
  indexes=[{'columns': ['lookup_key'], 'unique': true}]
) }}
{% set touched = ref('touched_result_lookup') %}
with newest as (
  select distinct on (lookup_key) *
  from {{ ref('stg_lookups__results') }}
  where _is_in_force {{ only_touched('lookup_key', touched) }}
  order by lookup_key, {{ newest_first() }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.counted_on between agency.valid_from and coalesce(agency.valid_to, 'infinity')
