{{ config(materialized='fact', unique_key='ministry_dossier_key') }}
with newest as (
  {{ newest(ref('stg_ministry_forms__dossiers'), 'ministry_dossier_key') }}
), dated as (
  select
    newest.*,
    {{ day_of('newest.received_at', 'place') }} as received_date
  from newest
  left join {{ ref('dim_system') }} as place using (system)
)

select
  dated.ministry_dossier_key,
  dated.ministry_dossier_code,
  agency.agency_key,
  dated.agency_code,
  agency.unit_agency_code,
  dated.procedure_code,
  dated.received_date,
  dated._batch_id,
  dated._row_number
from dated
{{ join_agency('dated', 'received_date') }}
