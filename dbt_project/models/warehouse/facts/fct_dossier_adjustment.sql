{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='adjustment_key',
  indexes=[{'columns': ['adjustment_key'], 'unique': true}]
) }}
{% set touched = ref('touched_dossier_adjustment') %}
with newest as (
  select distinct on (adjustment_key) *
  from {{ ref('stg_one_stop__adjustments') }}
  where _is_in_force {{ only_touched('adjustment_key', touched) }}
  order by adjustment_key, {{ newest_first('signed_at') }}
)

select
  newest.adjustment_key,
  newest.adjustment_code,
  newest.metric,
  agency.agency_key,
  newest.agency_code,
  newest.field,
  newest.amount,
  newest.effective_date,
  newest.signed_at,
  newest.signer_position,
  newest.signer_agency,
  newest.document_code,
  newest.adjustment_reason,
  newest._batch_id,
  newest._row_number
from newest
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.effective_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
