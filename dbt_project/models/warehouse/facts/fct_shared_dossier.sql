{{ config(materialized='fact', unique_key='dossier_key') }}
with newest as (
  {{ newest(ref('union_dossier'), 'dossier_key', version_by='updated_at') }}
), dated as (
  select
    newest.*,
    {{ day_of('newest.received_at', 'place') }} as received_date,
    {{ leading_system('newest', 'place') }} as leading_system
  from newest
  left join {{ ref('dim_system') }} as place using (system)
  where newest.ministry_dossier_code is not null and newest.received_at is not null
)

select
  dated.dossier_key,
  dated.dossier_code,
  dated.ministry_dossier_code,
  dated.system,
  dated.leading_system,
  agency.agency_key,
  dated.agency_code,
  agency.unit_agency_code,
  dated.procedure_code,
  dated.received_date,
  dated._batch_id,
  dated._row_number
from dated
{{ join_agency('dated', 'received_date') }}
