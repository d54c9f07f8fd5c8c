select
  scope_agency_code,
  scheme,
  period_code,
  parameter_set
from {{ ref('report_parameters') }}
