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
