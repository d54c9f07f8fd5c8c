with cell as (
  {% for topic, mart in [('dossier', 'dossier_month'), ('document', 'document_month'), ('portal', 'portal_month')] %}
  select
    '{{ topic }}' as topic, unit_agency_code, unit_name, level_title, province_name, district_name, year_number, month_code,
    month_start, metric, metric_title, state_title, unit_title, sum(value)::bigint as value
  from {{ ref(mart) }}
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
  {{ 'union all' if not loop.last }}
  {% endfor %}
), month as (
  -- Of a month that goes on, what the next night adds is a day's count.
  select month_code, month_start, (month_start + interval '1 month - 1 day')::date as month_end
  from (select distinct month_code, month_start from cell) as each_month
  where month_start + interval '1 month - 1 day' <= (select max(business_date) from {{ ref('figure_coverage') }})
), unit as (
  -- Of which sums over units a unit is a part, all of the month.
  select
    agency.agency_code, month.month_code,
    concat_ws(' ', month.month_code, agency.agency_level, agency.parent_agency_code) as group_key
  from month
  join {{ ref('dim_agency') }} as agency
    on agency.valid_from <= month.month_start and coalesce(agency.valid_to, 'infinity') >= month.month_end
), counted as (
  select
    cell.topic, cell.metric, part.whole, cell.unit_agency_code as unit, cell.month_code, unit.group_key, cell.value::numeric as value
  from cell
  join unit on unit.agency_code = cell.unit_agency_code and unit.month_code = cell.month_code
  left join {{ ref('dim_metric_part') }} as part using (metric)
  where cell.value is not null
), whole_cell as materialized (
  select metric as family, metric, group_key, unit, value, null::numeric as whole, false as is_forced
  from counted
  where whole is null
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
      -- A unit that came, went or moved within the month is a part of no sum of a whole one.
      when unit.group_key is null and cell.value <> 0 then 'suppressed'
      when hidden_whole.unit is not null or hidden_part.unit is not null then 'suppressed'
      else 'shown'
    end as publication
  from cell
  join month using (month_code)
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
  judged.unit_title
from judged
left join {{ ref('dim_code_title') }} as title on title.domain = 'publication' and title.code = judged.publication
