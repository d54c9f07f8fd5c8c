select
  parameter_set,
  title,
  compare,
  due,
  due_on_last_day,
  waiting,
  ended,
  pause,
  counted_agency,
  both_levels
from {{ ref('dim_parameter_set') }}
