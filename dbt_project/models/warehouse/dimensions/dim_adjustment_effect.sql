select
  adjusted_metric,
  metric,
  sign
from {{ ref('adjustment_effects') }}
