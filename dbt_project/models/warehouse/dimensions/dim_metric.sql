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
  metric.divisor,
  kind.title as kind_title,
  kind.reach,
  kind.counted_once,
  kind.is_additive_over_units,
  kind.is_additive_over_time
from {{ ref('metrics') }} as metric
left join {{ ref('metric_kinds') }} as kind using (kind)
