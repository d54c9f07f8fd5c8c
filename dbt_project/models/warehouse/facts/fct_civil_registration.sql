{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='registration_key',
  indexes=[{'columns': ['registration_key'], 'unique': true}]
) }}
{% set touched = ref('touched_civil_registration') %}
with newest as (
  select distinct on (registration_key) *
  from {{ ref('stg_civil_status__registrations') }}
  where _is_in_force {{ only_touched('registration_key', touched) }}
  order by registration_key, {{ newest_first() }}
)

select
  newest.registration_key,
  newest.registration_code,
  newest.system,
  agency.agency_key,
  newest.agency_code,
  newest.civil_event,
  newest.registered_date,
  newest.dossier_key,
  newest.dossier_code,
  newest.dossier_key is not null as has_dossier,
  newest._batch_id,
  newest._row_number
from newest
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.registered_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
