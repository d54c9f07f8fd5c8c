-- depends_on: {{ ref('scored_period') }}, {{ ref('moved_dossier') }}, {{ ref('dossier_stretch') }}
-- depends_on: {{ ref('dim_scoring_metric') }}
{% set last = last_release('score_count') %}
{% set columns = 'period_code, agency_code, metric_code, formula_version, numerator, denominator, left_out_count' %}
{% set is_any_whole = not last or run_query(
  'select exists (select from ' ~ ref('scored_period') ~ ' where not is_there)'
).rows[0][0] %}
with
{% if is_any_whole %}
whole as (
  select * from {{ ref('scored_period') }} where not is_there
), counted_whole as (
  {{ score_counts('whole', ref('dossier_stretch')) }}
),
{% endif %}
{% if last %}
stayed as (
  select * from {{ ref('scored_period') }} where is_there
), stretch as materialized (
  {{ of_moved_dossiers(ref('dossier_stretch')) }}
), stretch_before as materialized (
  {{ of_moved_dossiers(of_last_release('dossier_stretch')) }}
), counted as (
  {{ score_counts('stayed', 'stretch') }}
), counted_before as (
  {{ score_counts('stayed', 'stretch_before') }}
),
{% endif %}
each_count as (
  {% if is_any_whole %}
  select 1 as sign, {{ columns }} from counted_whole
  {% endif %}
  {% if last %}
  {{ 'union all' if is_any_whole }}
  select 1 as sign, {{ columns }} from counted
  union all
  select -1, {{ columns }} from counted_before
  union all
  select -1, {{ columns }}
  from {{ of_last_release('score_count') }}
  where period_code not in (select period_code from {{ ref('scored_period') }} where is_there)
  {% endif %}
)

select
  period_code,
  agency_code,
  metric_code,
  formula_version,
  sum(sign * numerator)::bigint as numerator,
  sum(sign * denominator)::bigint as denominator,
  sum(sign * left_out_count)::bigint as left_out_count
from each_count
group by 1, 2, 3, 4
having sum(sign * numerator) <> 0 or sum(sign * denominator) <> 0 or sum(sign * left_out_count) <> 0
