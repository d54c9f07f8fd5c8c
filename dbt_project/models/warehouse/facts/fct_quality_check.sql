{{ config(materialized='view') }}
select
  verdict_id,
  business_date,
  boundary,
  build_id,
  batch_id,
  subject,
  expectation,
  severity,
  outcome,
  observed,
  checked_at
from {{ ref('stg_ledger__verdicts') }}
