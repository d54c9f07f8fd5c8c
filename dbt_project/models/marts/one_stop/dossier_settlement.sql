{{ config(
  post_hook="{{ create_settlement_function() }}",
  indexes=[{'columns': ['agency_code', 'scheme', 'period_code']}],
) }}
-- depends_on: {{ ref('dossier_stretch') }}, {{ ref('parameter_set') }}, {{ ref('figure_row') }}, {{ ref('report_parameter') }}
-- depends_on: {{ ref('kept_stretch') }}, {{ ref('kept_movement') }}, {{ ref('system_told') }}
{% set last = last_release(this.identifier) %}
with told_period as (
  {{ told_periods("= 'dossier'") }}
)
{%- if last %}, change as (
  -- The first day at whose end something is otherwise than the last release had it.
  select min(day) as day
  from (
    select min(from_date) as day
    from {{ ref('kept_stretch') }} as stretch
    where from_build > {{ last.build_id }} or to_build > {{ last.build_id }}
    group by to_jsonb(stretch) - '{from_build,to_build,batch_id,row_number}'::text[]
    having count(*) filter (where to_build is null) <> count(*) filter (where from_build <= {{ last.build_id }})
    union all
    select least(coalesce(now.told_to, '-infinity'), coalesce(before.told_to, '-infinity')) + 1
    from {{ ref('system_told') }} as now
    full join {{ of_last_release('system_told') }} as before using (system)
    where now.told_to is distinct from before.told_to
    union all
    select movement_date
    from ({{ moved_since(last.build_id) }}) as moved
    where is_adjustment
    union all
    select coalesce(now.from_date, before.from_date)
    from {{ ref('report_parameter') }} as now
    full join {{ of_last_release('report_parameter') }} as before using (scope_agency_code, scheme, period_code)
    where now.parameter_set is distinct from before.parameter_set
  ) as each
), carried_period as (
  select scheme, period_code
  from told_period
  join (
    {{ told_periods("= 'dossier'", of_last_release('figure_coverage')) }}
  ) as before using (scheme, period_code, to_date)
  where to_date < coalesce((select day from change), 'infinity')
)
{%- endif %}, period as (
  select * from told_period
  {% if last %}
  where (scheme, period_code) not in (select scheme, period_code from carried_period)
  {% endif %}
), kept as (
  select distinct report.scheme, report.period_code, report.parameter_set, member.agency_code
  from {{ ref('report_parameter') }} as report
  join {{ ref('figure_scope') }} as member using (scope_agency_code)
), counted as (
  {{ settlement_rows(
    'period',
    "rules.parameter_set = 'default' or rules.parameter_set in (select parameter_set from " ~ ref('report_parameter') ~ ')',
    settlement_relations()
  ) }}
)

select
  counted.scheme,
  counted.period_code,
  counted.parameter_set,
  counted.agency_code,
  coalesce(agency.agency_level, 'unknown') as agency_level,
  counted.field,
  counted.received_total_count,
  counted.received_online_count,
  counted.received_direct_or_post_count,
  counted.carried_over_count,
  counted.resolved_total_count,
  counted.resolved_early_count,
  counted.resolved_on_time_count,
  counted.resolved_late_count,
  counted.ended_without_result_count,
  counted.pending_total_count,
  counted.pending_within_deadline_count,
  counted.pending_overdue_count,
  counted.late_on_software_count,
  counted.is_attested
from counted
left join (
  select agency_code, min(agency_level) as agency_level from {{ ref('figure_scope') }} where depth = 0 group by agency_code
) as agency using (agency_code)
where counted.parameter_set = 'default'
  or (counted.scheme, counted.period_code, counted.parameter_set, counted.agency_code) in (select * from kept)
{% if last %}

union all

select
  scheme,
  period_code,
  parameter_set,
  agency_code,
  agency_level,
  field,
  received_total_count,
  received_online_count,
  received_direct_or_post_count,
  carried_over_count,
  resolved_total_count,
  resolved_early_count,
  resolved_on_time_count,
  resolved_late_count,
  ended_without_result_count,
  pending_total_count,
  pending_within_deadline_count,
  pending_overdue_count,
  late_on_software_count,
  is_attested
from {{ of_last_release('dossier_settlement') }}
where (scheme, period_code) in (select scheme, period_code from carried_period)
{% endif %}
