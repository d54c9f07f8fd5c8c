{{ config(post_hook="{{ create_settlement_function() }}") }}
-- depends_on: {{ ref('figure_scope') }}
with kept as (
  -- A report keeps the set of parameters that it was made by; the default counts for everybody.
  select kept.scheme, kept.period_code, member.agency_code, kept.parameter_set
  from {{ ref('dim_report_parameter') }} as kept
  join {{ ref('bridge_agency') }} as member using (scope_agency_code)
  where kept.parameter_set <> 'default'
), period as (
  {{ told_periods("= 'dossier'") }}
), judged as (
  {{ judged_stretches(ref('dossier_stretch'), ref('parameter_set')) }}
  where rules.parameter_set = 'default' or rules.parameter_set in (select parameter_set from kept)
), settled as (
  {{ settled_rows('period', 'judged') }}
), adjusted as (
  select
    period.scheme,
    period.period_code,
    adjustment.agency_code,
    adjustment.detail as field,
    adjustment.metric,
    adjustment.amount,
    adjustment.movement_date >= period.from_date as is_within
  from period
  join {{ ref('movement_dossier_adjustment') }} as adjustment on adjustment.movement_date <= period.to_date
), counted as (
  select settled.*, false as is_attested
  from settled
  where parameter_set = 'default' or (scheme, period_code, agency_code, parameter_set) in (select * from kept)
  union all
  select
    adjusted.scheme,
    adjusted.period_code,
    applied.parameter_set,
    adjusted.agency_code,
    adjusted.field,
    0,
    case when metric = 'dossiers_received' and is_within then amount else 0 end,
    case when metric = 'dossiers_in_progress' and not is_within then amount else 0 end,
    0,
    case when metric = 'dossiers_resolved_on_time' and is_within then amount else 0 end,
    case when metric = 'dossiers_resolved_late' and is_within then amount else 0 end,
    0,
    case when metric = 'dossiers_in_progress_within_deadline' then amount else 0 end,
    case metric when 'dossiers_in_progress' then amount when 'dossiers_in_progress_within_deadline' then -amount else 0 end,
    true
  from adjusted
  cross join lateral (
    select 'default' as parameter_set
    union all
    select kept.parameter_set
    from kept
    where (kept.scheme, kept.period_code, kept.agency_code) = (adjusted.scheme, adjusted.period_code, adjusted.agency_code)
  ) as applied
)

select
  counted.scheme,
  counted.period_code,
  counted.parameter_set,
  counted.agency_code,
  coalesce(min(agency.agency_level), 'unknown') as agency_level,
  counted.field,
  sum(received_online_count + received_direct_or_post_count + carried_over_count)::bigint as received_total_count,
  sum(received_online_count)::bigint as received_online_count,
  sum(received_direct_or_post_count)::bigint as received_direct_or_post_count,
  sum(carried_over_count)::bigint as carried_over_count,
  sum(resolved_early_count + resolved_on_time_count + resolved_late_count)::bigint as resolved_total_count,
  sum(resolved_early_count)::bigint as resolved_early_count,
  sum(resolved_on_time_count)::bigint as resolved_on_time_count,
  sum(resolved_late_count)::bigint as resolved_late_count,
  sum(ended_without_result_count)::bigint as ended_without_result_count,
  sum(pending_within_deadline_count + pending_overdue_count)::bigint as pending_total_count,
  sum(pending_within_deadline_count)::bigint as pending_within_deadline_count,
  sum(pending_overdue_count)::bigint as pending_overdue_count,
  coalesce(sum(resolved_late_count) filter (where not is_attested), 0)::bigint as late_on_software_count,
  bool_or(is_attested) as is_attested
from counted
left join (
  select agency_code, min(agency_level) as agency_level from {{ ref('figure_scope') }} where depth = 0 group by agency_code
) as agency using (agency_code)
group by counted.scheme, counted.period_code, counted.parameter_set, counted.agency_code, counted.field
