{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='programme_key',
  indexes=[{'columns': ['programme_key'], 'unique': true}]
) }}
{% set touched = ref('touched_broadcast_programme') %}
with newest as (
  select distinct on (programme_key) *
  from {{ ref('stg_broadcasting__programmes') }}
  where _is_in_force {{ only_touched('programme_key', touched) }}
  order by programme_key, {{ newest_first('updated_at') }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.broadcast_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
