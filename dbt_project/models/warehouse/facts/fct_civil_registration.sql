{{ config(materialized='fact', unique_key='registration_key') }}
with newest as (
  {{ newest(ref('stg_civil_status__registrations'), 'registration_key') }}
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
{{ join_agency('newest', 'registered_date') }}
