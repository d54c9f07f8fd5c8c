select
  period_code,
  agency_code,
  metric_code,
  numerator,
  denominator,
  portal_points
from {{ ref('fct_service_score') }}
