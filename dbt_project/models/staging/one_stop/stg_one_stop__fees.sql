select
  receipt._key as fee_key,
  receipt.receipt_code,
  'one_stop' as system,
  {{ hash_key(["'one_stop'", 'receipt.dossier_code']) }} as dossier_key,
  receipt.dossier_code,
  {{ canonical_agency_code('receipt.agency_code') }} as agency_code,
  fee_type.code as fee_type,
  payment_method.code as payment_method,
  receipt.amount_vnd,
  receipt.paid_at,
  receipt.is_cancelled,
  receipt.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('one_stop.fees') }}
) as receipt
{{ join_mapping('fee_type', 'fee_type', 'one_stop', 'receipt.fee_type_code') }}
{{ join_mapping('payment_method', 'payment_method', 'one_stop', 'receipt.payment_method_code') }}
