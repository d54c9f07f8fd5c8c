select
  metric,
  ordinal,
  title,
  unit,
  unit_title,
  kind,
  movement,
  fact,
  numerator,
  denominator,
  detail_by,
  divisor
from {{ ref('metrics') }}
