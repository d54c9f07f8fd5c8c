select
  metric,
  agency_code,
  detail,
  movement_date,
  counted_key,
  is_adjustment,
  parameter_set,
  sum(amount)::bigint as amount
from {{ ref('figure_row') }}
group by metric, agency_code, detail, movement_date, counted_key, is_adjustment, parameter_set
having sum(amount) <> 0
