with month as (
  {{ months_of_periods() }}
), composed as (
  -- What happened in the months adds up; what was carried over is that of the first one, what is pending that of the last.
  select
    scheme,
    period_code,
    agency_code,
    (array_agg(agency_key order by list_date desc))[1] as agency_key,
    field,
    sum(received_online_count) as received_online_count,
    sum(received_direct_or_post_count) as received_direct_or_post_count,
    sum(resolved_total_count) as resolved_total_count,
    sum(resolved_early_count) as resolved_early_count,
    sum(resolved_on_time_count) as resolved_on_time_count,
    sum(resolved_late_count) as resolved_late_count,
    coalesce(sum(carried_over_count) filter (where is_first), 0) as carried_over_count,
    coalesce(sum(pending_total_count) filter (where is_last), 0) as pending_total_count,
    coalesce(sum(pending_within_deadline_count) filter (where is_last), 0) as pending_within_deadline_count,
    coalesce(sum(pending_overdue_count) filter (where is_last), 0) as pending_overdue_count
  from month
  join {{ ref('fct_ministry_settlement') }} as told on told.list_date = month.to_date
  group by scheme, period_code, agency_code, field
)

select
  composed.scheme,
  composed.period_code,
  composed.agency_code,
  coalesce(agency.agency_level, 'unknown') as agency_level,
  composed.field,
  (received_online_count + received_direct_or_post_count + carried_over_count)::bigint as received_total_count,
  received_online_count::bigint as received_online_count,
  received_direct_or_post_count::bigint as received_direct_or_post_count,
  carried_over_count::bigint as carried_over_count,
  resolved_total_count::bigint as resolved_total_count,
  resolved_early_count::bigint as resolved_early_count,
  resolved_on_time_count::bigint as resolved_on_time_count,
  resolved_late_count::bigint as resolved_late_count,
  pending_total_count::bigint as pending_total_count,
  pending_within_deadline_count::bigint as pending_within_deadline_count,
  pending_overdue_count::bigint as pending_overdue_count,
  received_online_count + received_direct_or_post_count + carried_over_count
    <> resolved_total_count + pending_total_count as is_held
from composed
left join {{ ref('dim_agency') }} as agency using (agency_key)
