{{ config(materialized='view') }}
select
  period_code,
  agency_code,
  metric_code,
  formula_version,
  numerator,
  denominator,
  left_out_count
from {{ of_release(ref('kept_score_count')) }} as counted
