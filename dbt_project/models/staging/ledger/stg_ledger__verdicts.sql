select
  verdict.verdict_id,
  verdict.boundary,
  coalesce(build.business_date, batch.business_date) as business_date,
  verdict.build_id,
  verdict.batch_id,
  verdict.subject,
  verdict.expectation,
  verdict.severity,
  verdict.outcome,
  -- What was seen in a file is the operator's to know; readers get numbers.
  case when verdict.boundary = 'marts' or verdict.observed ~ '^[0-9.]+$' then verdict.observed end as observed,
  verdict.at as checked_at
from {{ source('ledger', 'verdict') }} as verdict
left join {{ source('ledger', 'build') }} as build using (build_id)
left join {{ source('ledger', 'batch') }} as batch using (batch_id)
