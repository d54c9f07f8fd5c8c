{{ config(
  pre_hook='set local enable_nestloop = off; set local enable_mergejoin = off; set local enable_sort = off',
  post_hook="{{ create_figures_function('figures', ref('figure_scope')) }}",
  indexes=[{'columns': ['scope_agency_code', 'scheme', 'period_code']}]
) }}
-- Planned without knowing how much each step gives: joined by all that they have in common, steps never take their square,
-- and millions of rows are not sorted to be grouped.
with told as (
  -- Scopes and periods that a source tells something of: years between those of two districts cost nothing.
  select distinct scope.scope_agency_code, period.scheme, period.period_code, period.from_date, period.to_date
  from (
    select distinct agency_code, greatest(covered_from, operated_from) as told_from, least(told_to, operated_to) as told_to
    from {{ ref('figure_coverage') }}
    where covered_from is not null
  ) as source
  join {{ ref('figure_scope') }} as scope on scope.agency_code = source.agency_code
  join {{ ref('figure_period') }} as period
    on period.from_date <= least(source.told_to, scope.valid_to)
    and period.to_date >= greatest(source.told_from, scope.valid_from)
), period as (
  select distinct scheme, period_code, from_date, to_date from told
), figure as (
  {{ figure_rows(
    'period', ref('figure_metric'), ref('figure_scope'), ref('figure_coverage'), ref('figure_movement'), ref('report_parameter'),
    '(scope.scope_agency_code, period.scheme, period.period_code) in (select scope_agency_code, scheme, period_code from told)'
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
  covered_to
from figure
