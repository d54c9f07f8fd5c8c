{{ config(materialized='fact', unique_key=['document_key', 'delivery_key']) }}
with event as (
  {{ newest(ref('union_document_delivery'), 'delivery_key, event_key', version_by='occurred_at') }}
), delivery as (
  select
    delivery_key,
    document_key,
    min(agency_code) as agency_code,
    min(recipient_code) as recipient_code,
    min(issued_date) as issued_date,
    (array_agg(status order by {{ version_time('occurred_at') }} desc, event_key desc))[1] as status,
    min(occurred_at) filter (where status = 'arrived') as arrived_at,
    min(occurred_at) filter (where status = 'received') as received_at,
    min(occurred_at) filter (where status = 'refused') as refused_at,
    min(occurred_at) filter (where status = 'done') as done_at,
    min(occurred_at) filter (where status = 'recalled') as recalled_at,
    count(*)::integer as event_count
  from event
  group by delivery_key, document_key
)

select
  delivery.delivery_key,
  delivery.document_key,
  agency.agency_key,
  delivery.agency_code,
  delivery.recipient_code,
  delivery.issued_date,
  delivery.status,
  delivery.arrived_at,
  delivery.received_at,
  delivery.refused_at,
  delivery.done_at,
  delivery.recalled_at,
  delivery.event_count
from delivery
{{ join_agency('delivery', 'issued_date') }}
