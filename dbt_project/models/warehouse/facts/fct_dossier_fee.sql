{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='fee_key',
  indexes=[{'columns': ['fee_key'], 'unique': true}]
) }}
{% set touched = ref('touched_dossier_fee') %}
with newest as (
  select distinct on (fee_key) *
  from {{ ref('stg_one_stop__fees') }}
  where _is_in_force {{ only_touched('fee_key', touched) }}
  order by fee_key, {{ newest_first('updated_at') }}
), dated as (
  select
    newest.*,
    {{ day_of('newest.paid_at', 'system') }} as paid_date
  from newest
  left join {{ ref('dim_system') }} as system using (system)
)

select
  dated.fee_key,
  dated.receipt_code,
  dated.system,
  dated.dossier_key,
  dated.dossier_code,
  agency.agency_key,
  dated.agency_code,
  dated.fee_type,
  dated.payment_method,
  dated.amount_vnd,
  dated.paid_at,
  dated.paid_date,
  dated.is_cancelled,
  dated.updated_at,
  dated._batch_id,
  dated._row_number
from dated
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = dated.agency_code
  and dated.paid_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
