with told as (
  -- The last day that each system has told of.
  select source.system, max(source.delivered_to) as told_to
  from {{ ref('fct_source_freshness') }} as source
  join {{ ref('bridge_fact_contract') }} as feeder using (contract)
  where feeder.fact = 'dossier'
  group by source.system
)

select
  dossier.dossier_code,
  history.system,
  history.due_moves,
  dossier.procedure_code,
  dossier.field,
  dossier.is_received_online,
  history.receiving_agency_code,
  history.agency_code as holding_agency_code,
  history.from_date,
  history.to_date,
  history.is_waiting,
  history.is_clock_stopped,
  history.pause_days,
  history.paused_time,
  history.request_count,
  history.requested_date,
  history.due_at,
  history.due_date,
  history.is_due_all_day,
  history.paused_due_date,
  history.first_due_date,
  history.paused_first_due_date,
  ({{ office_time('dossier.latest_due_at') }})::date as longest_due_date,
  history.received_date,
  history.ended_at,
  history.ended_date,
  history.worked_until_date,
  history.end_kind,
  told.told_to,
  dossier._batch_id as batch_id,
  dossier._row_number as row_number
from {{ ref('fct_dossier_history') }} as history
join {{ ref('fct_dossier') }} as dossier using (dossier_key)
join told on told.system = history.system
