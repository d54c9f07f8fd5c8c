select
  'dossier_fees_paid' as metric,
  receipt.agency_code,
  null::text as detail,
  receipt.paid_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  receipt.amount_vnd as amount,
  receipt.receipt_code as row_code,
  receipt._batch_id,
  receipt._row_number,
  receipt.fee_key as fact_key
from {{ ref('fct_dossier_fee') }} as receipt
where not receipt.is_cancelled and receipt.amount_vnd <> 0
