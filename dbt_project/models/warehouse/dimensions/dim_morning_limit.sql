select
  reason,
  working_days
from {{ ref('morning_limits') }}
