{{ config(
  materialized='kept',
  unique_key='dossier_key',
  indexes=[
    {'columns': ['dossier_key']},
    {'columns': ['ended_date']},
    {'columns': ['from_build']},
    {'columns': ['to_build']},
  ]
) }}
{% call touched_keys() %}
  select key as dossier_key from {{ touched_of(this) }} where key is not null
  union
  select dossier_key from {{ ref('fct_dossier_history') }} where exists (select from {{ touched_of(this) }} where key is null)
  union
  select dossier_key
  from {{ this }}
  where to_build is null and exists (select from {{ touched_of(this) }} where key is null)
{% endcall %}
select
  history.dossier_key,
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
  dossier._batch_id as batch_id,
  dossier._row_number as row_number,
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from {{ ref('fct_dossier_history') }} as history
join {{ ref('fct_dossier') }} as dossier using (dossier_key)
{% if is_touching() %}
where history.dossier_key in (select dossier_key from pg_temp.touched)
{% endif %}
