{{ config(materialized='fact', unique_key='submission_key') }}
with newest as (
  {{ newest(ref('stg_online_services__submissions'), 'submission_key', version_by='updated_at') }}
), dated as (
  select
    newest.*,
    {{ day_of('newest.submitted_at', 'system') }} as submitted_date,
    {{ day_of('newest.accepted_at', 'system') }} as accepted_date
  from newest
  left join {{ ref('dim_system') }} as system using (system)
)

select
  dated.submission_key,
  dated.submission_code,
  dated.system,
  dated.dossier_key,
  dated.dossier_code,
  agency.agency_key,
  dated.agency_code,
  agency.unit_agency_code,
  dated.procedure_code,
  dated.status,
  dated.submitted_at,
  dated.submitted_date,
  dated.accepted_at,
  dated.accepted_date,
  dated.updated_at,
  dated._batch_id,
  dated._row_number
from dated
{{ join_agency('dated', 'submitted_date') }}
