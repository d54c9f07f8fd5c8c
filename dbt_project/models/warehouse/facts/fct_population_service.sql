{{ config(
  materialized='fact', unique_key='list_date',
  indexes=[{'columns': ['list_date', '_batch_id', 'registration_key'], 'unique': true}]
) }}
with listed as (
  {{ versions(ref('stg_population__services')) }}
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
{{ join_agency('listed', 'list_date') }}
