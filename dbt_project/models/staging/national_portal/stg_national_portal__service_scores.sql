select
  score._key as service_score_key,
  'national_portal' as system,
  {{ canonical_agency_code('score.agency_code') }} as agency_code,
  score.period_code,
  metric.code as metric_code,
  score.numerator,
  score.denominator,
  score.portal_points,
  {{ version_columns() }}
from (
  {{ input_rows('national_portal.service_scores') }}
) as score
{{ join_mapping('metric', 'scoring_metric', 'national_portal', 'score.metric') }}
