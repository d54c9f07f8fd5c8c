-- depends_on: {{ ref('system_told') }}, {{ ref('report_parameter') }}
{% set last = last_release('dossier_settlement') %}
with now as (
  {{ told_periods("= 'dossier'") }}
)
{%- if last %}, before as (
  {{ told_periods("= 'dossier'", of_last_release('figure_coverage')) }}
), kept_otherwise as (
  select min(coalesce(now.from_date, before.from_date)) as since
  from {{ ref('report_parameter') }} as now
  full join {{ of_last_release('report_parameter') }} as before using (scope_agency_code, scheme, period_code)
  where now.parameter_set is distinct from before.parameter_set
)
{%- endif %}

select
  scheme,
  period_code,
  now.from_date,
  now.to_date,
  {% if last %}
  case
    when {{ is_told_newly('now') }} or now.to_date >= kept_otherwise.since then null
    else before.to_date
  end as to_date_before
  {% else %}
  null::date as to_date_before
  {% endif %}
from now
{% if last %}
left join before using (scheme, period_code)
cross join kept_otherwise
{% endif %}
