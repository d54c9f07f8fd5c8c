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
  'outgoing_count': 'documents_outgoing',
  'signed_count': 'documents_electronic_signed',
  'on_paper_count': 'documents_parallel_paper',
  'signed_and_on_paper_count': 'documents_signed_and_on_paper',
  'copy_count': 'documents_copied',
  'incoming_count': 'documents_incoming',
} %}
{% call touched_keys() %}
  {{ touched_days(['movement_document', 'movement_incoming_document']) }}
{% endcall %}
with moved as (
  {{ rows_of_days(measures) }}
)

select
  moved.movement_date as date_day,
  coalesce(agency.agency_key, {{ unknown_key() }}) as agency_key,
  moved.agency_code,
  coalesce(document.document_type, incoming.document_type, '') as document_type,
  {{- measured(measures) }},
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from moved
{{ join_agency_of_day() }}
left join {{ ref('fct_document') }} as document
  on moved.source = 'movement_document' and document.document_key = moved.fact_key
left join {{ ref('fct_incoming_document') }} as incoming
  on moved.source = 'movement_incoming_document' and incoming.incoming_key = moved.fact_key
group by 1, 2, 3, 4
