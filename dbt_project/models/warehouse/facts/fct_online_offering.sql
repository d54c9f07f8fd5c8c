{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='online_offering_key',
  indexes=[{'columns': ['online_offering_key'], 'unique': true}]
) }}
{% set touched = ref('touched_online_offering') %}
with newest as (
  select distinct on (online_offering_key) *
  from {{ ref('stg_online_services__offerings') }}
  where _is_in_force {{ only_touched('online_offering_key', touched) }}
  order by online_offering_key, {{ newest_first('updated_at') }}
)

select
  newest.online_offering_key,
  newest.offering_code,
  newest.system,
  agency.agency_key,
  newest.agency_code,
  newest.procedure_code,
  level.service_level_key,
  newest.service_level_scheme,
  newest.service_level,
  newest.valid_from,
  newest.valid_to,
  newest.updated_at,
  newest._batch_id,
  newest._row_number
from newest
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.valid_from between agency.valid_from and coalesce(agency.valid_to, 'infinity')
left join {{ ref('dim_service_level') }} as level
  on level.service_level_scheme = newest.service_level_scheme
  and level.service_level = newest.service_level
