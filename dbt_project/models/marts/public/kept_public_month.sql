{{ config(
  materialized='kept',
  schema='warehouse',
  kept_by='release',
  unique_key='month_code',
  pre_hook='set local enable_nestloop = off; set local enable_mergejoin = off',
  indexes=[
    {'columns': ['month_code']},
    {'columns': ['from_release']},
    {'columns': ['to_release']},
  ]
) }}
-- depends_on: {{ ref('counted_period') }}
-- What is hidden of a month depends on nothing but the figures of that month: a month is told again of which any is counted again.
-- Planned without knowing how much each step gives: joined by all that they have in common, steps never take their square.
{% set last = last_release('public_month') %}
{% call touched_keys() %}
  {% if last %}
  {{ recounted_of_calendar('month_code') }}
  {% else %}
  select period_code as month_code from {{ ref('counted_period') }}
  union
  select month_code from {{ this }} where to_release is null
  {% endif %}
{% endcall %}
with figure as materialized (
  {{ figures_of_calendar('month_code') }}
), cell as (
  -- As the topics by months have them, of which each is the sum over details.
  select
    case
      {%- for topic, facts in facts_of_topics().items() %}
      when metric.fact in ('{{ facts | join("', '") }}') then '{{ topic }}'
      {%- endfor %}
    end as topic,
    figure.scope_agency_code as unit_agency_code, unit.agency_name as unit_name, unit.level_title, unit.province_name,
    unit.district_name, left(figure.period_code, 4)::integer as year_number, figure.period_code as month_code,
    figure.from_date as month_start, figure.to_date as month_end, figure.as_of, figure.metric, metric.title as metric_title,
    state.title as state_title, metric.unit_title, figure.value::bigint as value
  from figure
  join {{ ref('figure_metric') }} as metric on metric.metric = figure.metric and {{ is_of_months('metric') }}
  join {{ ref('agency') }} as unit
    on unit.agency_code = figure.scope_agency_code
    and unit.is_unit
    and unit.agency_level = figure.level
    and {{ is_unit_of_month('figure.from_date', 'figure.to_date') }}
  left join {{ ref('code_title') }} as state on state.domain = 'figure_state' and state.code = figure.state
  where figure.detail = ''
    -- A whole month: of one that goes on, what the next night adds would be the count of a day.
    and figure.to_date = (figure.from_date + interval '1 month - 1 day')::date
    and figure.from_date = date_trunc('month', figure.from_date)::date
), month as (
  select distinct month_code, month_start, month_end from cell
), unit as (
  -- Of which sums over units a unit is a part, all of the month.
  select
    agency.agency_code, month.month_code,
    concat_ws(' ', month.month_code, agency.agency_level, agency.parent_agency_code) as group_key
  from month
  join {{ ref('dim_agency') }} as agency
    on agency.valid_from <= month.month_start and coalesce(agency.valid_to, 'infinity') >= month.month_end
), counted as materialized (
  select
    cell.topic, cell.metric, part.whole, cell.unit_agency_code as unit, cell.month_code, unit.group_key, cell.value::numeric as value
  from cell
  join unit on unit.agency_code = cell.unit_agency_code and unit.month_code = cell.month_code
  left join {{ ref('dim_metric_part') }} as part using (metric)
  where cell.value is not null and cell.as_of >= cell.month_end
), sole_unit as (
  -- Where one unit has all there is of a whole, its parts are those of the sum, unless the other units' wholes are unknown.
  select whole.metric, whole.group_key
  from counted as whole
  left join counted as part
    on part.whole = whole.metric and part.group_key = whole.group_key and part.unit = whole.unit
    and part.value <> 0 and part.value < {{ var('small_count') }}
  where whole.whole is null
  group by 1, 2
  having count(distinct whole.unit) filter (where whole.value <> 0) = 1 and count(part.unit) > 0
), whole_cell as materialized (
  select
    counted.metric as family, counted.metric, counted.group_key, counted.unit, counted.value, null::numeric as whole,
    sole_unit.metric is not null as is_forced
  from counted
  left join sole_unit using (metric, group_key)
  where counted.whole is null
), hidden_whole as materialized (
  {{ hidden_units('whole_cell') }}
), part_cell as materialized (
  select
    part.whole as family, part.metric, part.group_key, part.unit, part.value, whole.value as whole,
    hidden_whole.unit is not null as is_forced
  from counted as part
  left join whole_cell as whole
    on whole.metric = part.whole and whole.group_key = part.group_key and whole.unit = part.unit
  left join hidden_whole
    on hidden_whole.family = part.whole and hidden_whole.group_key = part.group_key and hidden_whole.unit = part.unit
  where part.whole is not null
), hidden_part as (
  {{ hidden_units('part_cell') }}
), judged as (
  select
    cell.*,
    case
      when cell.value is null then 'none'
      when cell.as_of < cell.month_end then 'incomplete' -- what comes later would be a count of its own
      -- A unit that came, went or moved within the month is a part of no sum of a whole one.
      when unit.group_key is null and cell.value <> 0 then 'suppressed'
      when hidden_whole.unit is not null or hidden_part.unit is not null then 'suppressed'
      else 'shown'
    end as publication
  from cell
  left join unit on unit.agency_code = cell.unit_agency_code and unit.month_code = cell.month_code
  left join {{ ref('dim_metric_part') }} as part on part.metric = cell.metric
  left join hidden_whole
    on hidden_whole.family = cell.metric and hidden_whole.group_key = unit.group_key and hidden_whole.unit = cell.unit_agency_code
  left join hidden_part
    on hidden_part.family = part.whole and hidden_part.group_key = unit.group_key and hidden_part.unit = cell.unit_agency_code
)

select
  judged.topic,
  judged.unit_agency_code,
  judged.unit_name,
  judged.level_title,
  judged.province_name,
  judged.district_name,
  judged.year_number,
  judged.month_code,
  judged.month_start,
  judged.metric,
  judged.metric_title,
  judged.state_title,
  judged.publication,
  title.title as publication_title,
  case when judged.publication = 'shown' then judged.value end as value,
  judged.unit_title,
  {{ number_of(current_release()) }}::bigint as from_release,
  null::bigint as to_release
from judged
left join {{ ref('dim_code_title') }} as title on title.domain = 'publication' and title.code = judged.publication
