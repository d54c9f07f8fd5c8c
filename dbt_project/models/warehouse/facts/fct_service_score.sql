{{ config(materialized='fact', unique_key='service_score_key') }}
with newest as (
  {{ newest(ref('stg_national_portal__service_scores'), 'service_score_key') }}
), dated as (
  select newest.*, period.to_date
  from newest
  left join {{ ref('dim_period') }} as period on period.scheme = 'calendar' and period.period_code = newest.period_code
)

select
  dated.service_score_key,
  dated.system,
  agency.agency_key,
  dated.agency_code,
  dated.period_code,
  dated.metric_code,
  dated.numerator,
  dated.denominator,
  dated.portal_points,
  dated._batch_id,
  dated._row_number
from dated
{{ join_agency('dated', 'to_date') }}
