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

{# The facts that a topic by months tells of. #}
{% macro facts_of_topics() -%}
  {{ return({
    'dossier': ['dossier'],
    'document': ['document', 'incoming_document', 'document_delivery'],
    'portal': ['portal_item', 'portal_traffic'],
  }) }}
{%- endmacro %}

{# Whether a metric is one of a topic by months: it adds up over units and months. #}
{% macro is_of_months(metric, topic=none) -%}
  {%- set facts = facts_of_topics()[topic] if topic else facts_of_topics().values() | sum(start=[]) -%}
  {{ metric }}.fact in ('{{ facts | join("', '") }}')
    and {{ metric }}.is_additive_over_units and {{ metric }}.is_additive_over_time and {{ metric }}.divisor is null
{%- endmacro %}

{# The figures of a topic by calendar months, in the words of people: each unit's own, with its departments, so that units add
   up; of metrics that add up over units and months; by detail. What has no value has a row that says why. Movements and states
   are put one below the other and not joined: whatever is asked for, and however wrong it is planned, it is read once. #}
{% macro months_of(topic, detail=none) -%}
with metric as (
  select *
  from {{ ref('figure_metric') }} as metric
  where {{ is_of_months('metric', topic) }}
), part as (
  select
    figure.scope_agency_code as unit_agency_code, figure.period_code as month_code, figure.metric,
    null as detail, null::bigint as amount, figure.state, figure.value is not null as has_value
  from {{ ref('report_figure') }} as figure
  join metric on metric.metric = figure.metric
  join {{ ref('agency') }} as unit
    on unit.agency_code = figure.scope_agency_code
    and unit.is_unit
    and unit.agency_level = figure.level
    and {{ is_unit_of_month('figure.from_date', 'figure.to_date') }}
  where figure.scheme = 'calendar' and figure.detail = ''
    and figure.from_date = date_trunc('month', figure.to_date)::date
  union all
  select
    agency.unit_agency_code, day.month_code, metric.metric,
    {{ 'moved.detail' if detail else "''" }}, sum(moved.amount)::bigint, null, null
  from {{ ref('figure_movement') }} as moved
  join metric on metric.movement = moved.metric
  join {{ ref('agency') }} as agency
    on agency.agency_code = moved.agency_code
    and moved.movement_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
  join {{ ref('calendar_day') }} as day on day.date_day = moved.movement_date
  where coalesce(moved.parameter_set, 'default') = 'default'
  group by 1, 2, 3, 4
), month as (
  select
    part.unit_agency_code, part.month_code, part.metric, part.detail, part.amount,
    max(part.state) over same as state,
    bool_or(part.has_value) over same as has_value,
    count(part.amount) over same as part_count
  from part
  window same as (partition by part.unit_agency_code, part.month_code, part.metric)
)

select
  unit.agency_code as unit_agency_code,
  unit.agency_name as unit_name,
  unit.level_title,
  unit.province_name,
  unit.district_name,
  left(month.month_code, 4)::integer as year_number,
  month.month_code,
  (month.month_code || '-01')::date as month_start,
  metric.metric,
  metric.title as metric_title,
  {% if detail %}
  case when month.detail = '' then {{ unknown_title() }} else coalesce(detail.title, month.detail) end as {{ detail }},
  {% endif %}
  state.title as state_title,
  case when month.has_value then coalesce(month.amount, 0) end as value,
  metric.unit_title
from month
join metric on metric.metric = month.metric
-- As it was at the end of the month, or at its own end.
join {{ ref('agency') }} as unit
  on unit.agency_code = month.unit_agency_code
  and {{ is_unit_of_month("(month.month_code || '-01')::date", "((month.month_code || '-01')::date + interval '1 month - 1 day')::date") }}
{% if detail -%}
left join {{ ref('figure_detail') }} as detail on detail.detail = month.detail
{% endif -%}
left join {{ ref('code_title') }} as state on state.domain = 'figure_state' and state.code = month.state
where month.state is not null
  and case when month.has_value and month.part_count > 0 then month.amount is not null else month.amount is null end
{%- endmacro %}

{# Of the versions of `unit` the last one that is valid in a month. #}
{% macro is_unit_of_month(first_day, last_day) -%}
  unit.valid_from <= {{ last_day }}
    and coalesce(unit.valid_to, 'infinity') >= {{ first_day }}
    and coalesce(unit.followed_from, 'infinity') > {{ last_day }}
{%- endmacro %}
