{{ config(materialized='fact', unique_key='supplement_key') }}
with newest as (
  {{ newest(ref('stg_one_stop__supplements'), 'supplement_key', version_by='updated_at') }}
), dated as (
  select
    newest.*,
    {{ day_of('newest.requested_at', 'system') }} as requested_date
  from newest
  left join {{ ref('dim_system') }} as system using (system)
)

select
  dated.supplement_key,
  dated.supplement_code,
  dated.system,
  dated.dossier_key,
  dated.dossier_code,
  agency.agency_key,
  dated.agency_code,
  dated.reason,
  dated.requested_at,
  dated.requested_date,
  dated.supplemented_at,
  dated.updated_at,
  dated._batch_id,
  dated._row_number
from dated
{{ join_agency('dated', 'requested_date') }}
