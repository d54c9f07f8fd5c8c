{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='supplement_key',
  indexes=[{'columns': ['supplement_key'], 'unique': true}]
) }}
{% set touched = ref('touched_dossier_supplement') %}
with newest as (
  select distinct on (supplement_key) *
  from {{ ref('stg_one_stop__supplements') }}
  where _is_in_force {{ only_touched('supplement_key', touched) }}
  order by supplement_key, {{ newest_first('updated_at') }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = dated.agency_code
  and dated.requested_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
