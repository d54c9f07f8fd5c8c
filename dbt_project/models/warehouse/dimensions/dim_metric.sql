with level as (
  -- A level of online services may be one of several schemes that follow each other.
  select
    level as service_level,
    min(valid_from) as valid_from,
    nullif(max(coalesce(valid_to, 'infinity')), 'infinity') as valid_to
  from {{ ref('service_levels') }}
  group by level
)

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
  metric.service_level,
  metric.unit_levels,
  coalesce(metric.is_of_register, false) as is_of_register,
  level.valid_from,
  level.valid_to,
  kind.title as kind_title,
  kind.reach,
  kind.counted_once,
  kind.is_additive_over_units,
  kind.is_additive_over_time,
  kind.additivity_title,
  metric.rule_source
from {{ ref('metrics') }} as metric
left join {{ ref('metric_kinds') }} as kind using (kind)
left join level using (service_level)
