{{ config(materialized='view') }}
select
  verdict_id,
  business_date,
  boundary,
  subject,
  expectation,
  severity,
  outcome,
  observed,
  checked_at
from {{ ref('fct_quality_check') }}
-- Those that were there when the release was made.
where verdict_id <= {{ number_of('coalesce(max(verdict_id), 0) from ' ~ ledger_table('verdict')) }}
