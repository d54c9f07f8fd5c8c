select
  metric,
  ordinal,
  title,
  unit,
  unit_title,
  kind,
  movement,
  contract,
  numerator,
  denominator,
  detail_by
from {{ ref('metrics') }}
