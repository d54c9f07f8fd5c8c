{{ config(
  post_hook="{{ create_figures_function() }}",
  indexes=[{'columns': ['scope_agency_code', 'scheme', 'period_code']}]
) }}
with period as (
  -- Periods that have begun and of which something was delivered.
  select scheme, period_code, from_date, to_date
  from {{ ref('figure_period') }}
  where from_date <= (select max(delivered_to) from {{ ref('figure_coverage') }})
    and to_date >= (select min(covered_from) from {{ ref('figure_coverage') }})
), figure as (
  {{ figure_rows(
    'period', ref('figure_metric'), ref('figure_scope'), ref('figure_coverage'), ref('figure_movement')
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
  covered_from
from figure
