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
  verdict.observed,
  verdict.at as checked_at
from {{ source('ledger', 'verdict') }} as verdict
left join {{ source('ledger', 'build') }} as build using (build_id)
left join {{ source('ledger', 'batch') }} as batch using (batch_id)
