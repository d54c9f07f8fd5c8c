{# The member of a dimension that stands for what is not known: a join by its key loses no row of a fact. #}
{% macro unknown_key() -%}
  '00000000-0000-0000-0000-000000000000'::uuid
{%- endmacro %}

{% macro unknown_title() -%}
  'Không rõ'
{%- endmacro %}

{# The agencies and days that a fact by days follows: those of which any row behind figures came or went. #}
{% macro touched_days(sources) -%}
  select distinct agency_code, movement_date as date_day
  from {{ ref('kept_row') }}
  where source in ('{{ sources | join("', '") }}')
    and (from_build = {{ current_build() }} or to_build = {{ current_build() }})
{%- endmacro %}

{# The rows behind figures that a fact by days sums up: those of its measures, by the default parameters; of touched days only
   where it follows those. #}
{% macro rows_of_days(measures) -%}
  select moved.*
  from {{ ref('kept_row') }} as moved
  {% if is_touching() %}
  join pg_temp.touched as touched
    on touched.agency_code = moved.agency_code and touched.date_day = moved.movement_date
  {% endif %}
  where moved.to_build is null
    and moved.metric in ('{{ measures.values() | join("', '") }}')
    and coalesce(moved.parameter_set, 'default') = 'default'
{%- endmacro %}

{# A column per measure: by how much its metric moved. #}
{% macro measured(measures) -%}
  {%- for column, metric in measures.items() %}
  coalesce(sum(moved.amount) filter (where moved.metric = '{{ metric }}'), 0)::bigint as {{ column }}{{ ',' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{# The version of the agency on the day of a movement, as `agency`. #}
{% macro join_agency_of_day() -%}
  left join {{ ref('dim_agency') }} as agency
    on agency.agency_code = moved.agency_code
    and moved.movement_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
{%- endmacro %}

{# The figures of a topic by calendar months, in the words of people: each unit's own, with its departments, so that units add
   up; of metrics that add up over units and months; by detail. What has no value has a row that says why. #}
{% macro months_of(facts, detail=none) -%}
with metric as (
  select *
  from {{ ref('figure_metric') }}
  where fact in ('{{ facts | join("', '") }}')
    and is_additive_over_units and is_additive_over_time and divisor is null
), part as (
  select
    agency.unit_agency_code, moved.metric as movement, day.month_code, {{ 'moved.detail' if detail else "''" }} as detail,
    sum(moved.amount)::bigint as amount
  from {{ ref('figure_movement') }} as moved
  join {{ ref('agency') }} as agency
    on agency.agency_code = moved.agency_code
    and moved.movement_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
  join {{ ref('calendar_day') }} as day on day.date_day = moved.movement_date
  where moved.metric in (select movement from metric)
    and coalesce(moved.parameter_set, 'default') = 'default'
  group by 1, 2, 3, 4
)

select
  unit.agency_code as unit_agency_code,
  unit.agency_name as unit_name,
  unit.level_title,
  unit.province_name,
  unit.district_name,
  extract(year from figure.from_date)::integer as year_number,
  figure.period_code as month_code,
  figure.from_date as month_start,
  metric.metric,
  metric.title as metric_title,
  {% if detail %}
  case when part.detail = '' then {{ unknown_title() }} else coalesce(detail.title, part.detail) end as {{ detail }},
  {% endif %}
  state.title as state_title,
  case when figure.value is not null then coalesce(part.amount, 0) end::bigint as value,
  metric.unit_title
from {{ ref('report_figure') }} as figure
join {{ ref('figure_period') }} as period
  on period.scheme = figure.scheme and period.period_code = figure.period_code and period.period_kind = 'month'
join metric on metric.metric = figure.metric
-- As it was at the end of the month, or at its own end.
join {{ ref('agency') }} as unit
  on unit.agency_code = figure.scope_agency_code
  and unit.is_unit
  and unit.agency_level = figure.level
  and unit.valid_from <= figure.to_date
  and coalesce(unit.valid_to, 'infinity') >= figure.from_date
  and coalesce(unit.followed_from, 'infinity') > figure.to_date
left join part
  on figure.value is not null
  and part.unit_agency_code = figure.scope_agency_code
  and part.movement = metric.movement
  and part.month_code = figure.period_code
{% if detail -%}
left join {{ ref('figure_detail') }} as detail on detail.detail = part.detail
{% endif -%}
left join {{ ref('code_title') }} as state on state.domain = 'figure_state' and state.code = figure.state
where figure.scheme = 'calendar' and figure.detail = ''
{%- endmacro %}
