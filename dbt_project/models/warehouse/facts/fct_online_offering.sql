{{ config(materialized='fact', unique_key='online_offering_key') }}
with newest as (
  {{ newest(ref('stg_online_services__offerings'), 'online_offering_key', version_by='updated_at') }}
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
{{ join_agency('newest', 'valid_from') }}
left join {{ ref('dim_service_level') }} as level
  on level.service_level_scheme = newest.service_level_scheme
  and level.service_level = newest.service_level
