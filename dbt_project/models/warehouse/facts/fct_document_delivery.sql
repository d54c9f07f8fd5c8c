{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='delivery_key',
  indexes=[{'columns': ['document_key', 'delivery_key'], 'unique': true}]
) }}
{% set touched = ref('touched_document_delivery') %}
with version as (
  {{ in_force(ref('union_document_delivery'), 'delivery_key', touched) }}
), event as (
  select distinct on (delivery_key, event_key) *
  from version
  order by delivery_key, event_key, {{ newest_first('occurred_at') }}
), delivery as (
  select
    delivery_key,
    document_key,
    min(agency_code) as agency_code,
    min(recipient_code) as recipient_code,
    min(issued_date) as issued_date,
    (array_agg(status order by occurred_at desc, event_key desc))[1] as status,
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = delivery.agency_code
  and delivery.issued_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
