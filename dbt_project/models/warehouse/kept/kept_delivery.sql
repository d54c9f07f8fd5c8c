{{ config(
  materialized='kept',
  unique_key='delivery_key',
  indexes=[
    {'columns': ['delivery_key']},
    {'columns': ['document_key']},
    {'columns': ['last_day']},
    {'columns': ['from_build']},
    {'columns': ['to_build']},
  ]
) }}
{% set delivery, document = ref('fct_document_delivery'), ref('fct_document') %}
{% call touched_keys() %}
  {{ touched_of_fact(delivery, 'delivery_key', this) }}
  union
  -- They tell of their document's type.
  select delivery_key
  from {{ this }}
  where to_build is null and document_key = any(array({{ touched_of_fact(document, 'document_key', document) }}))
{% endcall %}
select
  delivery.delivery_key,
  delivery.document_key,
  delivery.agency_code,
  coalesce(document.document_type, 'unknown') as document_type,
  day.sent_day,
  day.arrived_day,
  day.received_day,
  day.done_day,
  day.closed_day,
  day.change_agreed_day,
  day.change_refused_day,
  greatest(
    day.sent_day, day.arrived_day, day.received_day, day.done_day, day.closed_day, day.change_agreed_day, day.change_refused_day
  ) as last_day,
  delivery.outcome,
  delivery.event_count > 0 as is_told,
  extract(epoch from delivery.arrived_at - delivery.sent_at)::bigint as sent_to_arrived_seconds,
  extract(epoch from delivery.received_at - delivery.arrived_at)::bigint as arrived_to_received_seconds,
  extract(epoch from delivery.done_at - delivery.received_at)::bigint as received_to_done_seconds,
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from {{ delivery }} as delivery
left join {{ ref('dim_system') }} as system using (system)
left join {{ document }} as document using (document_key)
cross join lateral (
  select
    {{ day_of('delivery.first_event_at', 'system') }} as sent_day,
    {{ day_of('delivery.arrived_at', 'system') }} as arrived_day,
    {{ day_of('delivery.received_at', 'system') }} as received_day,
    {{ day_of('delivery.done_at', 'system') }} as done_day,
    {{ day_of('delivery.closed_at', 'system') }} as closed_day,
    {{ day_of('delivery.change_agreed_at', 'system') }} as change_agreed_day,
    {{ day_of('delivery.change_refused_at', 'system') }} as change_refused_day
) as day
{% if is_touching() %}
where delivery.delivery_key = any(array(select delivery_key from pg_temp.touched))
{% endif %}
