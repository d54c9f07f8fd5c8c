{{ config(materialized='view') }}
select
  scope_agency_code,
  scheme,
  period_code,
  from_date,
  to_date,
  metric,
  level,
  detail,
  value::numeric(20, 6) as value,
  unit,
  state,
  measured_value::numeric(20, 6) as measured_value,
  numerator::numeric(20, 6) as numerator,
  denominator::numeric(20, 6) as denominator,
  as_of,
  covered_from,
  covered_to
from {{ of_release(ref('kept_figure')) }} as figure
where from_release = {{ number_of(current_release()) }}
