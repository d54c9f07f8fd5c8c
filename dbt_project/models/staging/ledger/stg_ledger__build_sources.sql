select
  build_id,
  contract,
  as_of,
  expected_as_of,
  state,
  stale_since,
  reason_code,
  rows_in_file,
  rows_loaded,
  rows_rejected,
  rows_skipped
from {{ source('ledger', 'build_source') }}
