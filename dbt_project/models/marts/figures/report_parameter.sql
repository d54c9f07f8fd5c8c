select
  kept.scope_agency_code,
  kept.scheme,
  kept.period_code,
  period.from_date,
  period.to_date,
  kept.parameter_set
from {{ ref('dim_report_parameter') }} as kept
join {{ ref('dim_period') }} as period using (scheme, period_code)
