select
  metric.metric,
  metric.ordinal,
  metric.title,
  metric.unit,
  metric.unit_title,
  metric.kind,
  metric.movement,
  metric.fact,
  metric.numerator,
  metric.denominator,
  metric.detail_by,
  metric.divisor
from {{ ref('dim_metric') }} as metric
