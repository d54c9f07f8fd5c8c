{{ config(
  materialized='fact', unique_key='list_date',
  indexes=[{'columns': ['list_date', '_batch_id', '_row_number'], 'unique': true}]
) }}
with told as (
  {{ versions(ref('stg_ministry_forms__settlement')) }}
)

select
  agency.agency_key,
  told.agency_code,
  told.list_date,
  told.field,
  told.received_total_count,
  told.received_online_count,
  told.received_direct_or_post_count,
  told.carried_over_count,
  told.resolved_total_count,
  told.resolved_early_count,
  told.resolved_on_time_count,
  told.resolved_late_count,
  told.pending_total_count,
  told.pending_within_deadline_count,
  told.pending_overdue_count,
  told._batch_id,
  told._row_number
from told
{{ join_agency('told', 'list_date') }}
