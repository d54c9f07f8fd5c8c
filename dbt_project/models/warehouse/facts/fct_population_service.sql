{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='list_date',
  indexes=[{'columns': ['list_date', 'registration_key'], 'unique': true}]
) }}
{% set touched = ref('touched_population_service') %}
with listed as (
  {{ rows_of_lists(ref('stg_population__services'), 'registration_key', touched) }}
)

select
  listed.registration_key,
  listed.system,
  agency.agency_key,
  listed.agency_code,
  listed.service_code,
  listed.registered_date,
  listed.status,
  listed.status <> 'cancelled' as is_registered,
  listed.list_date,
  listed.listed_to,
  listed._batch_id,
  listed._row_number
from listed
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = listed.agency_code
  and listed.list_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
