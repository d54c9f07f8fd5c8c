{{ config(materialized='view') }}
select
  period_code,
  scope_agency_code,
  agency_level,
  metric_code,
  formula_version,
  is_default,
  ordinal,
  metric_group,
  title,
  formula_title,
  numerator,
  denominator,
  ratio_pct,
  left_out_count,
  points,
  maximum,
  portal_points,
  difference,
  is_different,
  state,
  reason,
  as_of
from {{ of_release(ref('kept_service_score')) }} as scored
where from_release = {{ number_of(current_release()) }}
