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
-- depends_on: {{ ref('score_change') }}, {{ ref('counted_period') }}
-- A period is scored again of which dossiers count otherwise, any figure is counted again, or the portal tells otherwise.
{% set last = last_release('told_score') %}
{% call touched_keys() %}
  {% if last %}
  select period_code from {{ ref('score_change') }}
  union
  select period_code from {{ ref('scored_period') }} where not is_there
  union
  {{ recounted_of_calendar('period_code') }}
  union
  select period_code
  from (
    (select * from {{ ref('told_score') }} except select * from {{ of_last_release('told_score') }})
    union all
    (select * from {{ of_last_release('told_score') }} except select * from {{ ref('told_score') }})
  ) as told_otherwise
  union
  select period_code from {{ of_last_release('scored_period') }}
  where period_code not in (select period_code from {{ ref('scored_period') }})
  {% else %}
  select period_code from {{ ref('scored_period') }}
  union
  select period_code from {{ this }} where to_release is null
  {% endif %}
{% endcall %}
with metric as (
  select * from {{ ref('dim_scoring_metric') }}
), period as (
  select period_code, from_date, to_date
  from {{ ref('scored_period') }}
  {%- if is_following() %}
  where period_code in (select period_code from pg_temp.touched)
  {%- endif %}
), member as (
  select distinct period.period_code, scope.scope_agency_code, scope.agency_code
  from period
  join {{ ref('figure_scope') }} as scope
    on scope.valid_from <= period.to_date and coalesce(scope.valid_to, 'infinity') >= period.from_date
), unit as (
  select distinct on (period.period_code, scope.agency_code)
    period.period_code, scope.agency_code, scope.agency_level, scope.is_unit
  from period
  join {{ ref('figure_scope') }} as scope
    on scope.depth = 0 and scope.valid_from <= period.to_date and coalesce(scope.valid_to, 'infinity') >= period.from_date
  order by period.period_code, scope.agency_code, scope.valid_from desc
), counted_at as (
  -- Of each unit by itself, before it counts in several scopes.
  select period_code, agency_code, metric_code, formula_version, numerator, denominator, left_out_count
  from {{ ref('score_count') }}
  where period_code in (select period_code from period)
), counted as (
  select
    period_code, member.scope_agency_code, counted_at.metric_code, counted_at.formula_version,
    sum(counted_at.numerator)::bigint as numerator,
    sum(counted_at.denominator)::bigint as denominator,
    sum(counted_at.left_out_count)::bigint as left_out_count
  from counted_at
  join member using (period_code, agency_code)
  group by 1, 2, 3, 4
), told as (
  select agency_code as scope_agency_code, period_code, metric_code, numerator, denominator, portal_points
  from {{ ref('told_score') }}
), cell as (
  select period_code, scope_agency_code, bool_or(has_dossiers) as has_dossiers
  from (
    select period_code, scope_agency_code, true as has_dossiers from counted
    union all
    select period_code, scope_agency_code, false from told
  ) as each
  group by period_code, scope_agency_code
), desk as (
  -- How far dossiers of the whole scope are known.
  select distinct on (period_code, scope_agency_code) period_code, scope_agency_code, state, as_of
  from ({{ figures_of_calendar('period_code') }}) as figure
  where metric = 'dossiers_received' and detail = ''
  order by period_code, scope_agency_code, level = 'all' desc
), known as (
  select
    cell.period_code,
    cell.scope_agency_code,
    unit.agency_level,
    metric.*,
    case metric.counted_from
      when 'dossiers' then coalesce(counted.numerator, 0)
      when 'told' then told.numerator
    end as numerator,
    case metric.counted_from
      when 'dossiers' then coalesce(counted.denominator, 0)
      when 'told' then told.denominator
    end as denominator,
    case metric.counted_from when 'dossiers' then coalesce(counted.left_out_count, 0) end as left_out_count,
    told.portal_points,
    case metric.counted_from
      when 'dossiers' then case
        when desk.state = 'attested' then 'measured'
        when desk.state in ('measured', 'stale', 'partial') then desk.state
        when cell.has_dossiers then 'partial'
        else coalesce(desk.state, 'not_delivered')
      end
      else 'measured'
    end as known_as,
    case metric.counted_from when 'dossiers' then desk.as_of end as as_of
  from cell
  join period using (period_code)
  join unit on unit.period_code = cell.period_code and unit.agency_code = cell.scope_agency_code and unit.is_unit
  join metric on {{ valid_on('metric', 'period.to_date') }}
  left join counted
    on counted.period_code = cell.period_code
    and counted.scope_agency_code = cell.scope_agency_code
    and counted.metric_code = metric.metric_code
    and counted.formula_version = metric.formula_version
  left join told
    on told.period_code = cell.period_code
    and told.scope_agency_code = cell.scope_agency_code
    and told.metric_code = metric.metric_code
  left join desk on desk.period_code = cell.period_code and desk.scope_agency_code = cell.scope_agency_code
), reasoned as (
  select
    known.*,
    case
      when agency_level <> all(string_to_array(unit_levels, ' ')) then 'other_level'
      when counted_from = 'none' or formula is null then 'no_formula'
      when known_as in ('not_delivered', 'not_operated', 'not_applicable') then 'no_dossiers'
      when denominator is null or numerator is null and denominator <> 0 then 'not_told'
      when denominator = 0 and points_when_none is null then 'nothing_to_count'
    end as reason
  from known
), scored as (
  select
    reasoned.*,
    case reason
      when 'other_level' then 'not_applicable'
      when 'nothing_to_count' then 'not_applicable'
      when 'no_formula' then 'not_computed'
      when 'not_told' then 'not_delivered'
      else known_as
    end as state,
    case when reason is null then round(
      case
        when denominator = 0 then points_when_none
        when formula = 'share' then maximum * numerator / denominator
        when formula = 'capped' then least(maximum, maximum * numerator / denominator / threshold)
        when formula = 'proportional' then maximum * numerator / denominator / threshold
      end,
      2
    ) end as points
  from reasoned
)

select
  period_code,
  scope_agency_code,
  agency_level,
  metric_code,
  formula_version,
  is_default,
  ordinal,
  metric_group,
  title,
  formula_title,
  case when reason is distinct from 'no_dossiers' then numerator end as numerator,
  case when reason is distinct from 'no_dossiers' then denominator end as denominator,
  round(100.0 * numerator / nullif(denominator, 0), 2) as ratio_pct,
  left_out_count,
  points,
  maximum,
  portal_points,
  points - portal_points as difference,
  coalesce(abs(points - portal_points) > {{ var('score_tolerance') }}, false) as is_different,
  state,
  reason,
  as_of,
  {{ number_of(current_release()) }}::bigint as from_release,
  null::bigint as to_release
from scored
