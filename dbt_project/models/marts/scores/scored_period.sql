-- depends_on: {{ ref('system_told') }}
-- Those that have begun, since there is such a score.
select
  period_code,
  from_date,
  to_date,
  {% if last_release('score_count') %}
  not {{ is_told_newly('period') }} and exists (
    select from {{ of_last_release('scored_period') }} as before where before.period_code = period.period_code
  ) as is_there
  {% else %}
  false as is_there
  {% endif %}
from {{ ref('figure_period') }} as period
where scheme = 'calendar'
  and period_kind in ('month', 'quarter', 'year')
  and from_date <= (select max(business_date) from {{ ref('source_freshness') }})
  and exists (
    select from {{ ref('dim_scoring_metric') }} as metric where {{ valid_on('metric', 'period.to_date') }}
  )
