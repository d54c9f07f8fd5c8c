{{ config(
  post_hook="{{ create_settlement_function() }}",
  indexes=[{'columns': ['agency_code', 'scheme', 'period_code']}],
) }}
-- depends_on: {{ ref('dossier_stretch') }}, {{ ref('parameter_set') }}, {{ ref('figure_row') }}, {{ ref('report_parameter') }}
with period as (
  {{ told_periods("= 'dossier'") }}
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
