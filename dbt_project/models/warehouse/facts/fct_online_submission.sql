{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='submission_key',
  indexes=[{'columns': ['submission_key'], 'unique': true}]
) }}
{% set touched = ref('touched_online_submission') %}
with newest as (
  select distinct on (submission_key) *
  from {{ ref('stg_online_services__submissions') }}
  where _is_in_force {{ only_touched('submission_key', touched) }}
  order by submission_key, {{ newest_first('updated_at') }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = dated.agency_code
  and dated.submitted_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
