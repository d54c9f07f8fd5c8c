with period as (
  {{ told_periods("= 'dossier'") }}
), {{ period_amounts_ctes('period', ref('figure_metric'), ref('figure_movement')) }},
counted as (
  select
    period_id, agency_code, detail as field,
    {% for metric in [
      'dossiers_received', 'dossiers_received_online', 'dossiers_carried_over', 'dossiers_resolved',
      'dossiers_resolved_early', 'dossiers_resolved_on_time', 'dossiers_resolved_late', 'dossiers_in_progress',
      'dossiers_in_progress_within_deadline', 'dossiers_late_on_software'
    ] %}
    coalesce(sum(measured + coalesce(adjustment, 0)) filter (where metric = '{{ metric }}'), 0) as {{ metric }},
    {% endfor %}
    coalesce(bool_or(adjustment is not null), false) as is_attested
  from period_amount
  group by period_id, agency_code, detail
)

select
  period.scheme,
  period.period_code,
  counted.agency_code,
  coalesce(agency.agency_level, 'unknown') as agency_level,
  counted.field,
  (dossiers_received + dossiers_carried_over)::bigint as received_total_count,
  dossiers_received_online::bigint as received_online_count,
  (dossiers_received - dossiers_received_online)::bigint as received_direct_or_post_count,
  dossiers_carried_over::bigint as carried_over_count,
  dossiers_resolved::bigint as resolved_total_count,
  dossiers_resolved_early::bigint as resolved_early_count,
  (dossiers_resolved_on_time - dossiers_resolved_early)::bigint as resolved_on_time_count,
  dossiers_resolved_late::bigint as resolved_late_count,
  dossiers_in_progress::bigint as pending_total_count,
  dossiers_in_progress_within_deadline::bigint as pending_within_deadline_count,
  (dossiers_in_progress - dossiers_in_progress_within_deadline)::bigint as pending_overdue_count,
  dossiers_late_on_software::bigint as late_on_software_count,
  counted.is_attested
from counted
join numbered_period as period using (period_id)
left join (
  select agency_code, min(agency_level) as agency_level from {{ ref('figure_scope') }} where depth = 0 group by agency_code
) as agency using (agency_code)
where dossiers_received + dossiers_resolved <> 0
  or counted.is_attested
  -- What is only still open counts while its system tells of it.
  or dossiers_carried_over + dossiers_in_progress <> 0 and exists (
    select from {{ ref('figure_coverage') }} as coverage
    where coverage.fact = 'dossier'
      and coverage.agency_code = counted.agency_code
      and coverage.covered_from <= period.to_date
      and coverage.told_to >= period.from_date
  )
