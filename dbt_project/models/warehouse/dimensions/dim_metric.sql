select
  metric,
  ordinal,
  title,
  unit,
  kind,
  movement,
  contract,
  numerator,
  denominator,
  detail_by
from {{ ref('metrics') }}
