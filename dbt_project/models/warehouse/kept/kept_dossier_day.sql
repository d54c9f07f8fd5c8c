{{ config(
  materialized='kept',
  unique_key=['agency_code', 'date_day'],
  indexes=[
    {'columns': ['date_day', 'agency_code']},
    {'columns': ['from_build']},
    {'columns': ['to_build']},
  ]
) }}
{% set measures = {
  'received_count': 'dossiers_received',
  'declined_count': 'dossiers_declined',
  'resolved_count': 'dossiers_resolved',
  'resolved_early_count': 'dossiers_resolved_early',
  'resolved_on_time_count': 'dossiers_resolved_on_time',
  'resolved_late_count': 'dossiers_resolved_late',
  'ended_without_result_count': 'dossiers_ended_without_result',
  'taken_over_count': 'dossiers_taken_over',
  'handed_over_count': 'dossiers_handed_over',
  'returned_by_post_count': 'dossiers_returned_by_post',
} %}
{% call touched_keys() %}
  {{ touched_days(['movement_dossier', 'movement_dossier_history']) }}
{% endcall %}
with moved as (
  {{ rows_of_days(measures) }}
)

select
  moved.movement_date as date_day,
  coalesce(agency.agency_key, {{ unknown_key() }}) as agency_key,
  moved.agency_code,
  coalesce(dossier.procedure_key, {{ unknown_key() }}) as procedure_key,
  coalesce(dossier.procedure_code, '') as procedure_code,
  moved.detail as field,
  coalesce(dossier.channel, '') as channel,
  coalesce(dossier.service_level_key, {{ unknown_key() }}) as service_level_key,
  {{- measured(measures) }},
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from moved
{{ join_agency_of_day() }}
left join {{ ref('fct_dossier') }} as dossier on dossier.dossier_key = moved.fact_key
group by 1, 2, 3, 4, 5, 6, 7, 8
