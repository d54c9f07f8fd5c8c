{{ config(
  materialized='kept',
  unique_key='incoming_key',
  indexes=[
    {'columns': ['incoming_key']},
    {'columns': ['agency_code', 'received_date']},
    {'columns': ['from_build']},
    {'columns': ['to_build']},
  ]
) }}
{% set incoming = ref('fct_incoming_document') %}
{% call touched_keys() %}
  {{ touched_of_fact(incoming, 'incoming_key', this) }}
{% endcall %}
select
  incoming_key,
  agency_code,
  coalesce(document_type, 'unknown') as document_type,
  received_date,
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from {{ incoming }}
{% if is_touching() %}
where incoming_key = any(array(select incoming_key from pg_temp.touched))
{% endif %}
