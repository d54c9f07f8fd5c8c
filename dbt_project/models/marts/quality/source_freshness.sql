select
  contract,
  system,
  title,
  business_date,
  covered_from,
  as_of,
  expected_as_of,
  state,
  stale_since,
  reason,
  rows_in_file,
  rows_loaded,
  rows_rejected,
  rows_skipped
from {{ ref('fct_source_freshness') }}
