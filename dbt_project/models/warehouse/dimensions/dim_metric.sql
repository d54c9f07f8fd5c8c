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
  detail_by
from {{ ref('metrics') }}
