{# A sum in the metric's unit: as it was counted, or divided. It is exact, so that parts add up: who prints it rounds. #}
{% macro in_unit(amount) -%}
  case when metric.divisor is null then ({{ amount }})::numeric else trim_scale(({{ amount }})::numeric / metric.divisor) end
{%- endmacro %}

{# The day of the last list that is due up to a day: a list stands until the next one is due. #}
{% macro last_list_due(frequency, day) -%}
  case {{ frequency }}
    when 'm' then date_trunc('month', {{ day }} + 1)::date - 1
    when 'q' then date_trunc('quarter', {{ day }})::date
    else {{ day }}
  end
{%- endmacro %}

{# The last day that the deliveries of a source tell of: the newest list stands until the next one is due. #}
{% macro told_to(source) -%}
  case
    when not {{ source }}.is_full_list then {{ source }}.delivered_to
    else greatest(
      {{ source }}.delivered_to,
      least({{ source }}.end_of_life, {{ source }}.business_date, case {{ source }}.frequency
        when 'm' then ({{ source }}.delivered_to + interval '1 month')::date - 1
        when 'q' then ({{ source }}.delivered_to + interval '3 months')::date - 1
        else {{ source }}.delivered_to
      end)
    )
  end
{%- endmacro %}

{# The days from one to the other; none, where the first comes after the last. An empty last one: they go on. #}
{% macro days(first, last) -%}
  daterange({{ first }}, greatest(coalesce({{ last }}, 'infinity') + 1, {{ first }}), '[)')
{%- endmacro %}

{# The periods that a source of some facts tells something of: years between those of two districts cost nothing.
   `facts` is a condition on the name of the fact. An open one ends with the night's date. `coverage`: that of another release. #}
{% macro told_periods(facts, coverage=none) -%}
{%- set coverage = coverage or ref('figure_coverage') -%}
select
    scheme, period_code, from_date,
    least(to_date, (select max(business_date) from {{ coverage }})) as to_date
  from {{ ref('figure_period') }}
  where exists (
    select from {{ coverage }}
    where fact {{ facts }} and covered_from <= to_date and told_to >= from_date
  )
{%- endmacro %}

{# The periods of the calendar of which this release counted figures of any scope, or lacks those of one that had some, as `key`. #}
{% macro recounted_of_calendar(key) -%}
  select distinct period_code as {{ key }}
  from {{ ref('counted_period') }} as now
  full join {{ of_last_release('counted_period') }} as before using (scope_agency_code, scheme, period_code)
  where scheme = 'calendar' and (now.release_id is null or now.release_id = {{ current_release() }})
{%- endmacro %}

{# The figures of periods of the calendar; where kept rows are followed, of the touched ones only, whose code is named
   `key` there. Those of a scope and period are looked up by themselves: the planner would go through those of all. #}
{% macro figures_of_calendar(key) -%}
  {%- if is_following() -%}
  select figure.*
  from {{ ref('counted_period') }} as counted
  cross join lateral (
    select *
    from {{ ref('report_figure') }} as each_figure
    where (each_figure.scope_agency_code, each_figure.scheme, each_figure.period_code)
      = (counted.scope_agency_code, counted.scheme, counted.period_code)
    offset 0
  ) as figure
  where counted.scheme = 'calendar' and counted.period_code in (select {{ key }} from pg_temp.touched)
  {%- else -%}
  select * from {{ ref('report_figure') }} where scheme = 'calendar'
  {%- endif -%}
{%- endmacro %}

{# Scopes and periods that a source tells something of: years between those of two districts cost nothing. #}
{% macro told_scopes() -%}
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
{%- endmacro %}

{# Days by the spans between the dates at which any period begins or ends, so that they meet each period by equality and not by
   comparing dates, as `bucket_of_period (scheme, period_code, bucket)`; `bucket` of a day is `bucket_of(day)`, where
   `boundary` is joined.
   `period` is a relation (scheme, period_code, from_date, to_date). #}
{% macro bucket_ctes(period) -%}
boundary as (
  select array_agg(boundary_date order by boundary_date) as dates
  from (
    select from_date as boundary_date from {{ period }}
    union
    select to_date + 1 from {{ period }}
  ) as edge
), bucket_of_period as (
  select period.scheme, period.period_code, bucket
  from {{ period }} as period
  cross join boundary
  cross join lateral generate_series({{ bucket_of('period.from_date') }}, {{ bucket_of('period.to_date') }}) as bucket
)
{%- endmacro %}

{% macro bucket_of(day) -%}
  width_bucket({{ day }}, boundary.dates)
{%- endmacro %}

{# The months that each period is made of, as a relation, as far as they are over: is_first and is_last say which stand at its
   ends. #}
{% macro months_of_periods() -%}
  select
    period.scheme,
    period.period_code,
    month.to_date,
    month.from_date = period.from_date as is_first,
    month.to_date = max(month.to_date) over (partition by period.scheme, period.period_code) as is_last
  from {{ ref('figure_period') }} as period
  join {{ ref('figure_period') }} as month
    on month.scheme = period.scheme
    and month.period_kind = 'month'
    and month.from_date >= period.from_date
    and month.to_date <= least(period.to_date, (select max(business_date) from {{ ref('figure_coverage') }}))
{%- endmacro %}

{# Amounts of every metric per period, agency, detail (empty: the whole) and key of what is counted once.
   `period` is a relation (scheme, period_code, from_date, to_date). Movements are first summed between the dates at
   which any period begins or ends, so that each meets each period by equality and not by comparing dates. With a
   relation `coverage`, an open period is the one up to the night's date; `ends_on` is when it will end. #}
{% macro period_amounts_ctes(period, metric, movement, coverage=none) %}
numbered_period as (
  -- Numbers are cheaper to group by than codes.
  select
    row_number() over (order by scheme, period_code)::integer as period_id, scheme, period_code, from_date,
    {% if coverage %}least(to_date, (select max(business_date) from {{ coverage }})) as {% endif %}to_date,
    to_date as ends_on
  from {{ period }}
), boundary as (
  select array_agg(boundary_date order by boundary_date) as dates
  from (
    select from_date as boundary_date from numbered_period
    union
    select to_date + 1 from numbered_period
    union
    select date_trunc('year', to_date)::date from numbered_period
  ) as edge
), span as (
  select
    period_id,
    width_bucket(from_date, boundary.dates) as first_bucket,
    width_bucket(date_trunc('year', to_date)::date, boundary.dates) as bucket_of_year,
    width_bucket(to_date, boundary.dates) as last_bucket
  from numbered_period
  cross join boundary
), bucket_of_period as (
  select span.period_id, reach.reach, bucket
  from span
  cross join lateral (
    values ('within', first_bucket, last_bucket), ('within_year', bucket_of_year, last_bucket)
  ) as reach (reach, lowest, highest)
  cross join lateral generate_series(reach.lowest, reach.highest) as bucket
), end_of_period as (
  select period_id, 'until_end' as reach, last_bucket as bucket from span
  union all
  select period_id, 'until_start', first_bucket - 1 from span
), bucketed as (
  -- Details only where a metric shows them.
  select
    movement.metric, movement.agency_code, movement.counted_key, movement.parameter_set,
    case when movement.metric in (select movement from {{ metric }} where detail_by is not null) then movement.detail else '' end
      as detail,
    width_bucket(movement.movement_date, boundary.dates) as bucket,
    sum(movement.amount) filter (where not movement.is_adjustment)::bigint as measured,
    sum(movement.amount) filter (where movement.is_adjustment)::bigint as adjustment
  from {{ movement }} as movement
  cross join boundary
  -- Only of what stands at a day all counts that came before the first period.
  where movement.movement_date >= (select dates[1] from boundary)
    or movement.metric in (select movement from {{ metric }} where reach in ('until_end', 'until_start'))
  group by 1, 2, 3, 4, 5, 6
), part as (
  -- The whole, and each of its details: what is counted once may have several.
  select
    metric, agency_code, counted_key, parameter_set, '' as detail, bucket,
    sum(measured)::bigint as measured,
    sum(adjustment)::bigint as adjustment
  from bucketed
  group by metric, agency_code, counted_key, parameter_set, bucket
  union all
  select metric, agency_code, counted_key, parameter_set, detail, bucket, measured, adjustment
  from bucketed
  where detail <> ''
), standing as (
  -- Running totals: each stands until its next one, and a period looks up one.
  select
    metric, agency_code, counted_key, parameter_set, detail, bucket,
    lead(bucket) over running as next_bucket,
    sum(measured) over running as measured,
    sum(adjustment) over running as adjustment
  from part
  where metric in (select movement from {{ metric }} where reach in ('until_end', 'until_start'))
  window running as (partition by metric, agency_code, counted_key, parameter_set, detail order by bucket)
), standing_at as materialized (
  -- By equality again: the planner can't guess how few there are in a range.
  select
    standing.metric, standing.agency_code, standing.counted_key, standing.parameter_set, standing.detail,
    standing.measured, standing.adjustment, at.bucket
  from standing
  cross join boundary
  cross join lateral generate_series(
    standing.bucket, coalesce(standing.next_bucket - 1, cardinality(boundary.dates))
  ) as at (bucket)
), period_amount as materialized (
  -- By itself: the planner guesses hundreds of millions of rows, and would join them by their period's order alone.
  select
    bucket_of_period.period_id,
    metric.metric, metric.counted_once, metric.detail_by,
    part.agency_code, part.detail, part.counted_key, part.parameter_set,
    coalesce(sum(part.measured), 0)::bigint as measured,
    sum(part.adjustment)::bigint as adjustment
  from part
  join {{ metric }} as metric on metric.movement = part.metric
  join bucket_of_period
    on bucket_of_period.bucket = part.bucket
    and bucket_of_period.reach = metric.reach
  where part.detail = '' or metric.detail_by is not null
  group by 1, 2, 3, 4, 5, 6, 7, 8
  having metric.counted_once is null or sum(part.measured) > 0
  union all
  select
    end_of_period.period_id,
    metric.metric, metric.counted_once, metric.detail_by,
    standing_at.agency_code, standing_at.detail, standing_at.counted_key, standing_at.parameter_set,
    coalesce(standing_at.measured, 0)::bigint,
    standing_at.adjustment::bigint
  from standing_at
  join {{ metric }} as metric on metric.movement = standing_at.metric
  join end_of_period
    on end_of_period.bucket = standing_at.bucket
    and end_of_period.reach = metric.reach
  where (standing_at.detail = '' or metric.detail_by is not null)
    and (metric.counted_once is null or standing_at.measured > 0)
)
{% endmacro %}

{# Figures of every scope for periods: what `report_figure` and the function `figures` both are.
   Relations: metric, scope, coverage, movement, report_parameter, and period; `scope_filter` narrows the scopes. #}
{% macro figure_rows(period, metric, scope, coverage, movement, report_parameter, scope_filter='true') %}
with {{ period_amounts_ctes(period, metric, movement, coverage) }},
member as (
  -- Which agencies are in a scope in a period: each once, as it was last, with the days of all times that it was.
  select
    *,
    bool_or(depth > 0) over (partition by period_id, scope_agency_code) as is_group,
    count(*) over (partition by period_id, scope_agency_code) = 1 as is_alone,
    dense_rank() over (order by period_id, agency_code)::integer as agency_id
  from (
    select distinct on (period.period_id, scope.scope_agency_code, scope.agency_code)
      period.period_id, period.from_date, period.to_date,
      scope.scope_agency_code, scope.agency_code, scope.agency_level, scope.short_name, scope.depth, scope.is_unit,
      min(scope.valid_from) over each_agency as valid_from,
      max(coalesce(scope.valid_to, 'infinity')) over each_agency as valid_to
    from numbered_period as period
    join {{ scope }} as scope
      on scope.valid_from <= period.to_date and coalesce(scope.valid_to, 'infinity') >= period.from_date
    where {{ scope_filter }}
    window each_agency as (partition by period.period_id, scope.scope_agency_code, scope.agency_code)
    order by period.period_id, scope.scope_agency_code, scope.agency_code, scope.valid_from desc
  ) as newest
), registered as (
  select distinct agency_code from {{ coverage }}
), cell as (
  -- Scope, period and level. A scope of one agency has only that agency's level.
  select
    row_number() over (order by member.period_id, member.scope_agency_code, each_level.level)::integer as cell_id,
    member.period_id, member.scope_agency_code, each_level.level,
    min(member.from_date) as first_day,
    min(member.to_date) as last_day,
    date_trunc('year', min(member.to_date))::date as first_day_of_year,
    array_agg(distinct member.agency_level) filter (where member.is_unit) as unit_levels,
    array_agg(distinct member.agency_level) filter (where member.is_unit and registered.agency_code is not null)
      as registered_levels
  from member
  left join registered using (agency_code)
  cross join lateral (values (member.agency_level), ('all')) as each_level (level)
  where each_level.level <> 'all' or member.is_group
  group by member.period_id, member.scope_agency_code, each_level.level
), judged_cell as (
  -- A report keeps the set of parameters that it was made by.
  select cell.cell_id, cell.period_id, cell.scope_agency_code, cell.level, coalesce(kept.parameter_set, 'default') as parameter_set
  from cell
  join numbered_period as period using (period_id)
  left join {{ report_parameter }} as kept
    on kept.scope_agency_code = cell.scope_agency_code
    and kept.from_date = period.from_date
    and kept.to_date = period.ends_on
), member_cell as (
  select
    member.period_id, member.agency_code, member.short_name, member.is_group, member.is_alone, cell.cell_id, cell.parameter_set
  from member
  join judged_cell as cell
    on cell.period_id = member.period_id
    and cell.scope_agency_code = member.scope_agency_code
    and cell.level = member.agency_level
), agency_amount as (
  -- Of what is counted once, how many an agency has: by itself, and among others where each agency is shown.
  select
    period_id, metric, counted_once, detail_by, agency_code, detail, parameter_set,
    case when counted_once is null then sum(measured) else count(*) end as measured,
    case when counted_once is null then sum(adjustment) end as adjustment
  from period_amount
  group by 1, 2, 3, 4, 5, 6, 7
), each_key as (
  -- Counted once per level, however many agencies have it.
  select cell.cell_id, amount.detail, amount.metric, amount.counted_once, amount.counted_key
  from period_amount as amount
  join member_cell as cell
    on cell.period_id = amount.period_id
    and cell.agency_code = amount.agency_code
    and coalesce(amount.parameter_set, cell.parameter_set) = cell.parameter_set
  where amount.counted_once is not null and not cell.is_alone
  group by 1, 2, 3, 4, 5
), level_amount as (
  select
    cell.cell_id,
    case part.kind when 'agency_and_detail' then cell.short_name || ' / ' || amount.detail else amount.detail end as detail,
    amount.metric, amount.counted_once,
    sum(amount.measured) as measured,
    sum(amount.adjustment) as adjustment
  from agency_amount as amount
  join member_cell as cell
    on cell.period_id = amount.period_id
    and cell.agency_code = amount.agency_code
    and coalesce(amount.parameter_set, cell.parameter_set) = cell.parameter_set
  join (values ('summed'), ('agency_and_detail')) as part (kind)
    on case part.kind
      when 'summed' then amount.counted_once is null or cell.is_alone
      else amount.detail <> '' and amount.detail_by = 'agency_and_detail' and cell.is_group
    end
  group by 1, 2, 3, 4
  union all
  select cell_id, detail, metric, counted_once, count(*), null
  from each_key
  group by cell_id, detail, metric, counted_once
), whole_cell as (
  select part.cell_id, whole.cell_id as whole_id
  from cell as part
  join cell as whole
    on whole.period_id = part.period_id and whole.scope_agency_code = part.scope_agency_code and whole.level = 'all'
  where part.level <> 'all'
), cell_amount as (
  select cell_id, detail, metric, measured, adjustment from level_amount
  union all
  -- What counts for all is the sum over the levels, also of what is counted once per level.
  select whole_cell.whole_id, level_amount.detail, level_amount.metric, sum(level_amount.measured), sum(level_amount.adjustment)
  from level_amount
  join whole_cell using (cell_id)
  where level_amount.detail not like '% / %' and level_amount.counted_once is distinct from 'over_all'
  group by 1, 2, 3
  union all
  select whole_cell.whole_id, each_key.detail, each_key.metric, count(distinct each_key.counted_key), null
  from each_key
  join whole_cell using (cell_id)
  where each_key.detail not like '% / %' and each_key.counted_once = 'over_all'
  group by 1, 2, 3
), reach as (
  select distinct fact, reach from {{ metric }} where fact is not null and reach is not null
), agency_state as materialized (
  -- What an agency's sources tell of a fact: days of which all tell, and days of which they do or still may, for a
  -- source that is late is waited for. One that nothing is expected of can't miss anything.
  select
    needed.agency_id,
    coverage.fact,
    bool_and(coverage.is_full_list) as is_list,
    bool_or(
      coverage.covered_from <= needed.to_date
      and case
        when coverage.is_full_list then coalesce(coverage.end_of_life, 'infinity') >= needed.from_date
        else coverage.delivered_to >= needed.from_date
      end
    ) filter (where span.is_in_period) as is_delivered,
    bool_or(
      coverage.expected_as_of is not null and coalesce(
        coverage.as_of < least(
          coverage.expected_as_of,
          coverage.operated_to,
          case when coverage.is_full_list then {{ last_list_due('coverage.frequency', 'needed.to_date') }} else needed.to_date end
        ),
        true
      )
      or coverage.is_expected and coalesce(coverage.covered_from > needed.to_date, true)
    ) filter (where span.is_in_period) as is_stale,
    -- The least complete of the systems, but for one that was given up and had told all until then.
    min(coverage.as_of) filter (where span.is_in_period and coalesce(coverage.as_of < coverage.operated_to, true)) as least_as_of,
    max(coverage.as_of) filter (where span.is_in_period) as last_as_of,
    range_agg(span.operated * span.told) filter (where span.counts)
      - coalesce(range_agg(span.operated::datemultirange - span.told::datemultirange) filter (where coverage.is_expected), '{}')
      as told,
    range_agg(span.operated * span.promised) filter (where span.counts)
      - coalesce(range_agg(span.operated::datemultirange - span.promised::datemultirange) filter (where span.counts), '{}')
      as promised
  from (select distinct agency_id, agency_code, from_date, to_date from member) as needed
  join {{ coverage }} as coverage
    on coverage.agency_code = needed.agency_code
    and coverage.operated_from <= needed.to_date
    and coalesce(coverage.operated_to, 'infinity') >= least(needed.from_date - 1, date_trunc('year', needed.to_date)::date)
  cross join lateral (
    select
      coalesce(coverage.operated_to, 'infinity') >= needed.from_date as is_in_period,
      coverage.is_expected or coverage.covered_from is not null as counts,
      {{ days('coverage.operated_from', 'coverage.operated_to') }} as operated,
      case when coverage.covered_from is null then 'empty' else
        {{ days('coverage.covered_from', "case when coverage.is_full_list then coverage.told_to else coalesce(coverage.as_of, '-infinity') end") }}
      end as told,
      case when coverage.is_expected and coverage.covered_from is not null
        then {{ days('coverage.covered_from', 'coverage.end_of_life') }}
        else daterange(null, null)
      end as promised
  ) as span
  group by 1, 2
  having bool_or(span.is_in_period)
), level_state as materialized (
  -- A figure of a whole list needs that of its last day, what was there before the first day that day, all others need
  -- every day on which the agency was there and that is not in the future.
  select
    member.period_id, member.scope_agency_code, member.agency_level, state.fact, reach.reach,
    bool_or(state.is_delivered) as is_delivered,
    bool_or(state.is_stale) as is_stale,
    bool_or(case
      when reach.reach = 'until_start'
        then not (lower(span.days) <@ state.promised or lower(span.days) - 1 <@ state.promised)
      when state.is_list and reach.reach in ('until_end', 'within_year')
        then member.to_date <@ span.days and not member.to_date <@ state.promised
      else not span.days <@ state.promised
    end) as is_partial,
    min(state.least_as_of) as least_as_of,
    max(state.last_as_of) as last_as_of,
    range_agg(span.days) filter (where state.promised is not null) as days,
    range_agg(span.days::datemultirange - state.told) as untold
  from member
  join agency_state as state using (agency_id)
  join reach using (fact)
  cross join lateral (
    select {{ days(
      "greatest(member.valid_from, case reach.reach when 'within_year' then date_trunc('year', member.to_date)::date else member.from_date end)",
      'least(member.valid_to, member.to_date)'
    ) }} as days
  ) as span
  group by 1, 2, 3, 4, 5
), source_state as (
  select
    cell.cell_id, state.fact, state.reach,
    bool_or(state.is_delivered) as is_delivered,
    bool_or(state.is_stale) as is_stale,
    bool_or(state.is_partial) as is_partial,
    coalesce(min(state.least_as_of), max(state.last_as_of)) as as_of,
    range_agg(state.days) - coalesce(range_agg(state.untold), '{}') as covered
  from level_state as state
  join cell
    on cell.period_id = state.period_id
    and cell.scope_agency_code = state.scope_agency_code
    and cell.level in (state.agency_level, 'all')
  group by 1, 2, 3
), covered as (
  -- Of days with gaps between them, those after the last gap.
  select
    source_state.*,
    (select max(lower(part.days)) from unnest(source_state.covered) as part (days)) as covered_from,
    upper(source_state.covered) - 1 as covered_to
  from source_state
), wanted as (
  -- Every metric of every level, whether something moved or not, and the details that moved.
  select cell.cell_id, metric.metric, '' as detail
  from cell
  cross join {{ metric }} as metric
  where metric.reach is not null
  union
  select cell_id, metric, detail from cell_amount
), counted as (
  select
    wanted.cell_id,
    wanted.metric,
    wanted.detail,
    judged.state,
    case when shown.has_value then
      {{ in_unit('coalesce(cell_amount.measured, 0) + coalesce(cell_amount.adjustment, 0)') }}
    end as value,
    case when shown.has_value then {{ in_unit('coalesce(cell_amount.measured, 0)') }} end as measured_value,
    case when covered.as_of > cell.last_day then cell.last_day else covered.as_of end as as_of,
    covered.covered_from,
    covered.covered_to
  from wanted
  join {{ metric }} as metric using (metric)
  join cell using (cell_id)
  left join cell_amount using (cell_id, metric, detail)
  left join covered
    on covered.cell_id = wanted.cell_id and covered.fact = metric.fact and covered.reach = metric.reach
  cross join lateral (
    -- What can't be there in this period, of these units, or as far as the register of operation knows.
    select
      metric.valid_from > cell.last_day
      or metric.valid_to < case metric.reach
        when 'until_end' then cell.last_day
        when 'within_year' then cell.first_day_of_year
        else cell.first_day
      end
      or not coalesce(
        case when metric.is_of_register then cell.registered_levels else cell.unit_levels end
          && string_to_array(metric.unit_levels, ' '),
        metric.unit_levels is null
      ) as is_impossible
  ) as applies
  cross join lateral (
    select case
      when applies.is_impossible then 'not_applicable'
      when metric.fact is null then 'measured'
      when covered.fact is null then 'not_operated'
      when covered.is_delivered is not true then 'not_delivered'
      when covered.is_partial then 'partial'
      when covered.is_stale then 'stale'
      when cell_amount.adjustment is not null then 'attested'
      else 'measured'
    end as state
  ) as judged
  cross join lateral (
    select judged.state not in ('not_applicable', 'not_operated', 'not_delivered') as has_value
  ) as shown
), ratio as (
  -- A ratio of a group is the ratio of its sums, and is as good as the worse of its two.
  select
    counted.cell_id, metric.metric, '' as detail,
    (array_agg(
      counted.state
      order by array_position(
        array['not_applicable', 'not_operated', 'not_delivered', 'partial', 'stale', 'attested', 'measured'], counted.state
      )
    ))[1] as state,
    max(counted.value) filter (where counted.metric = metric.numerator) as numerator,
    max(counted.value) filter (where counted.metric = metric.denominator) as denominator,
    max(counted.measured_value) filter (where counted.metric = metric.numerator) as measured_numerator,
    max(counted.measured_value) filter (where counted.metric = metric.denominator) as measured_denominator,
    min(counted.as_of) as as_of,
    max(counted.covered_from) as covered_from,
    min(counted.covered_to) as covered_to
  from {{ metric }} as metric
  cross join lateral (values (metric.numerator), (metric.denominator)) as part (metric)
  join counted on counted.metric = part.metric and counted.detail = ''
  where metric.reach is null
  group by 1, 2
), figure as (
  select
    cell_id, metric, detail, state, value, measured_value,
    null::numeric as numerator, null::numeric as denominator, as_of, covered_from, covered_to
  from counted
  union all
  select
    cell_id, metric, detail, state,
    round(100.0 * numerator / nullif(denominator, 0), 2),
    round(100.0 * measured_numerator / nullif(measured_denominator, 0), 2),
    numerator, denominator, as_of, covered_from, covered_to
  from ratio
)

select
  cell.scope_agency_code::text as scope_agency_code,
  period.scheme::text as scheme,
  period.period_code::text as period_code,
  period.from_date::date as from_date,
  period.ends_on::date as to_date,
  figure.metric::text as metric,
  cell.level::text as level,
  figure.detail::text as detail,
  figure.value::numeric as value,
  metric.unit::text as unit,
  figure.state::text as state,
  figure.measured_value::numeric as measured_value,
  figure.numerator::numeric as numerator,
  figure.denominator::numeric as denominator,
  figure.as_of::date as as_of,
  figure.covered_from::date as covered_from,
  figure.covered_to::date as covered_to
from figure
join cell using (cell_id)
join {{ metric }} as metric on metric.metric = figure.metric
join numbered_period as period using (period_id)
-- Together on the disk, as they are asked for.
order by cell.cell_id
{% endmacro %}

{# `<name>(scope, from, to)` in the release: the same rows for one scope, of this relation, and any period. Its text names no
   database, so that one which is restored or cloned under another name still has it. #}
{% macro create_figures_function(name, scope) %}
{%- set metric, coverage, movement = ref('figure_metric'), ref('figure_coverage'), ref('figure_movement') -%}
{%- set report_parameter = ref('report_parameter') -%}
{%- set scope = scope.include(database=false) -%}
create or replace function {{ this.schema }}.{{ name }}(scope text, first_day date, last_day date)
returns table (
  scope_agency_code text, scheme text, period_code text, from_date date, to_date date,
  metric text, level text, detail text, value numeric, unit text, state text,
  measured_value numeric, numerator numeric, denominator numeric, as_of date, covered_from date, covered_to date
)
language sql stable
as $function$
  with asked as (
    select ''::text as scheme, ''::text as period_code, first_day as from_date, last_day as to_date
    -- What has not begun has no figures.
    where first_day <= (select max(business_date) from {{ coverage.include(database=false) }})
  ), result as (
    {{ figure_rows(
      'asked', metric.include(database=false), scope, coverage.include(database=false),
      '(select * from ' ~ movement.include(database=false) ~ ' where agency_code in ('
        ~ 'select agency_code from ' ~ scope ~ ' where scope_agency_code = ' ~ name ~ '.scope))',
      report_parameter.include(database=false),
      'scope.agency_code is not null and scope.scope_agency_code = ' ~ name ~ '.scope'
    ) }}
  )
  select * from result
$function$;
revoke all on function {{ this.schema }}.{{ name }}(text, date, date) from public;
grant execute on function {{ this.schema }}.{{ name }}(text, date, date) to kho_auditor
{% endmacro %}
