{{ config(
  materialized='kept',
  schema='warehouse',
  kept_by='release',
  unique_key=['scope_agency_code', 'scheme', 'period_code'],
  pre_hook='set local enable_nestloop = off; set local enable_mergejoin = off; set local enable_sort = off',
  indexes=[
    {'columns': ['scope_agency_code', 'scheme', 'period_code']},
    {'columns': ['from_release']},
    {'columns': ['to_release']},
  ]
) }}
-- Planned without knowing how much each step gives: joined by all that they have in common, steps never take their square,
-- and millions of rows are not sorted to be grouped.
{% call touched_keys() %}
  select scope_agency_code, scheme, period_code
  from {{ ref('counted_period') }}
  where release_id = {{ current_release() }}
  union
  select distinct scope_agency_code, scheme, period_code
  from {{ this }}
  where to_release is null
    and (scope_agency_code, scheme, period_code) not in (
      select scope_agency_code, scheme, period_code from {{ ref('counted_period') }}
    )
{% endcall %}
with counted as (
  {% if is_following() %}
  select * from {{ ref('counted_period') }} where release_id = {{ current_release() }}
  {% else %}
  {{ told_scopes() }}
  {% endif %}
), period as (
  select distinct scheme, period_code, from_date, to_date from counted
), figure as (
  {{ figure_rows(
    'period', ref('figure_metric'), ref('figure_scope'), ref('figure_coverage'), ref('figure_movement'), ref('report_parameter'),
    '(scope.scope_agency_code, period.scheme, period.period_code) in (select scope_agency_code, scheme, period_code from counted)'
  ) }}
)

select
  scope_agency_code,
  scheme,
  period_code,
  from_date,
  to_date,
  metric,
  level,
  detail,
  value,
  unit,
  state,
  measured_value,
  numerator,
  denominator,
  as_of,
  covered_from,
  covered_to,
  (select max(release_id) from {{ ref('counted_period') }}) as from_release,
  null::bigint as to_release
from figure
