{{ config(materialized='view') }}
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
from {{ of_release(ref('kept_settlement')) }} as settled
where from_release = {{ number_of(current_release()) }}
