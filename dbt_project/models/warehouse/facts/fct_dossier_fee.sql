{{ config(materialized='fact', unique_key='fee_key') }}
with newest as (
  {{ newest(ref('stg_one_stop__fees'), 'fee_key', version_by='updated_at') }}
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
{{ join_agency('dated', 'paid_date') }}
