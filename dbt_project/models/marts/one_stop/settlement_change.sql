-- depends_on: {{ ref('settlement_period') }}, {{ ref('moved_dossier') }}, {{ ref('figure_scope') }}
-- depends_on: {{ ref('dossier_stretch') }}, {{ ref('parameter_set') }}, {{ ref('figure_row') }}, {{ ref('report_parameter') }}
{% set last = last_release('dossier_settlement') %}
{% set counts = settlement_counts() %}
{% set columns = ['scheme', 'period_code', 'parameter_set', 'agency_code', 'field'] + counts + ['is_attested'] %}
{% set now = settlement_relations() %}
{% set is_any_whole = not last or run_query(
  'select exists (select from ' ~ ref('settlement_period') ~ ' where to_date_before is null)'
).rows[0][0] %}
with
{% if is_any_whole %}
whole as (
  select scheme, period_code, from_date, to_date from {{ ref('settlement_period') }} where to_date_before is null
), counted_whole as (
  {{ settlement_rows('whole', kept_sets(now), now) }}
),
{% endif %}
{% if last %}
{% set before = {
  'dossier_stretch': of_last_release('dossier_stretch'),
  'parameter_set': ref('parameter_set'),
  'figure_row': of_last_release('figure_row'),
  'report_parameter': of_last_release('report_parameter'),
  'figure_scope': of_last_release('figure_scope'),
} %}
stayed as (
  select scheme, period_code, from_date, to_date from {{ ref('settlement_period') }} where to_date_before is not null
), stayed_before as (
  select scheme, period_code, from_date, to_date_before as to_date
  from {{ ref('settlement_period') }}
  where to_date_before is not null
), stretch as materialized (
  {{ of_moved_dossiers(now.dossier_stretch) }}
), stretch_before as materialized (
  {{ of_moved_dossiers(before.dossier_stretch) }}
), counted as (
  {{ settlement_rows('stayed', kept_sets(now), dict(now, dossier_stretch='stretch')) }}
), counted_before as (
  {{ settlement_rows('stayed_before', kept_sets(before), dict(before, dossier_stretch='stretch_before')) }}
),
{% endif %}
each_count as (
  {% if is_any_whole %}
  select 1 as sign, {{ columns | join(', ') }} from counted_whole where {{ is_of_kept_set('counted_whole', now) }}
  {% endif %}
  {% if last %}
  {{ 'union all' if is_any_whole }}
  select 1 as sign, {{ columns | join(', ') }} from counted where {{ is_of_kept_set('counted', now) }}
  union all
  select -1, {{ columns | join(', ') }} from counted_before where {{ is_of_kept_set('counted_before', before) }}
  union all
  select -1, {{ columns | join(', ') }} from {{ of_last_release('dossier_settlement') }}
  where (scheme, period_code) not in (
    select scheme, period_code from {{ ref('settlement_period') }} where to_date_before is not null
  )
  {% endif %}
)

select
  scheme,
  period_code,
  parameter_set,
  agency_code,
  field
  {%- for count in counts %},
  sum(sign * {{ count }})::bigint as {{ count }}
  {%- endfor %},
  coalesce(bool_or(is_attested) filter (where sign = 1), false) as is_attested
from each_count
group by 1, 2, 3, 4, 5
having coalesce(bool_or(is_attested) filter (where sign = 1), false)
    is distinct from coalesce(bool_or(is_attested) filter (where sign = -1), false)
  {%- for count in counts %}
  or sum(sign * {{ count }}) <> 0
  {%- endfor %}
