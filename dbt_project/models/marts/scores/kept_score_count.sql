{{ config(
  materialized='kept',
  schema='warehouse',
  kept_by='release',
  unique_key='period_code',
  indexes=[
    {'columns': ['period_code']},
    {'columns': ['from_release']},
    {'columns': ['to_release']},
  ]
) }}
{% set last = last_release('score_count') %}
{% call touched_keys() %}
  select period_code from {{ ref('score_change') }}
  {% if not last %}
  union
  select period_code from {{ this }} where to_release is null
  {% endif %}
{% endcall %}
with part as (
  select period_code, agency_code, metric_code, formula_version, numerator, denominator, left_out_count
  from {{ ref('score_change') }}
  {% if last %}
  union all
  select period_code, agency_code, metric_code, formula_version, numerator, denominator, left_out_count
  from {{ of_last_release('score_count') }}
  where period_code in (select period_code from {{ ref('score_change') }})
  {% endif %}
)

select
  period_code,
  agency_code,
  metric_code,
  formula_version,
  sum(numerator)::bigint as numerator,
  sum(denominator)::bigint as denominator,
  sum(left_out_count)::bigint as left_out_count,
  {{ number_of(current_release()) }}::bigint as from_release,
  null::bigint as to_release
from part
group by 1, 2, 3, 4
having sum(denominator) <> 0 or sum(left_out_count) <> 0
