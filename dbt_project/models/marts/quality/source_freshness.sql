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
  reason_code,
  rows_in_file,
  rows_loaded,
  rows_rejected,
  rows_skipped,
  coalesce(system_name, system) as system_name
from {{ ref('fct_source_freshness') }}
left join {{ ref('dim_system') }} using (system)
