{{ config(
  materialized='kept',
  unique_key='document_key',
  indexes=[
    {'columns': ['document_key']},
    {'columns': ['agency_code', 'issued_date']},
    {'columns': ['from_build']},
    {'columns': ['to_build']},
  ]
) }}
{% set document, delivery = ref('fct_document'), ref('kept_delivery') %}
{% call touched_keys() %}
  {{ touched_of_fact(document, 'document_key', this) }}
  union
  -- They tell of what became of their deliveries.
  select document_key
  from {{ delivery }}
  where from_build = {{ current_build() }} or to_build = {{ current_build() }}
{% endcall %}
select
  document.document_key,
  document.agency_code,
  coalesce(document.document_type, 'unknown') as document_type,
  document.issued_date,
  document.is_copy,
  document.is_signed_electronically,
  document.is_sent_on_paper,
  document.signature,
  document.is_recalled,
  document.replaced_by is not null as is_replaced,
  document.systems like '%,%' as is_of_several_systems,
  coalesce(delivered.recipient_count, 0) as recipient_count,
  coalesce(delivered.is_received, false) as is_received,
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from {{ document }} as document
left join (
  select document_key, bool_or(received_day is not null) as is_received, count(*) as recipient_count
  from {{ delivery }}
  where to_build is null and is_told
  {% if is_touching() %}
    and document_key = any(array(select document_key from pg_temp.touched))
  {% endif %}
  group by document_key
) as delivered using (document_key)
{% if is_touching() %}
where document.document_key = any(array(select document_key from pg_temp.touched))
{% endif %}
