select
  'documents_incoming' as metric,
  agency_code,
  null::text as detail,
  received_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  1::bigint as amount,
  concat_ws('/', document_number, document_symbol) as row_code,
  _batch_id,
  _row_number,
  incoming_key as fact_key
from {{ ref('fct_incoming_document') }}
