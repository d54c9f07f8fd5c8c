{{ config(materialized='fact', unique_key='delivery_key') }}
with event as (
  {{ newest(ref('union_document_delivery'), 'delivery_key, event_key', version_by='occurred_at') }}
), told as (
  select
    delivery_key,
    document_key,
    min(system) as system,
    min(agency_code) as agency_code,
    min(recipient_code) as recipient_code,
    min(document_number) as document_number,
    min(document_symbol) as document_symbol,
    min(issued_date) as issued_date,
    (array_agg(status order by {{ version_time('occurred_at') }} desc, event_key desc))[1] as status,
    min(occurred_at) as first_event_at,
    min(occurred_at) filter (where status = 'sent') as sent_at,
    min(occurred_at) filter (where status = 'arrived') as arrived_at,
    -- Who works on a document has received it, told or not.
    min(occurred_at) filter (where status in ('received', 'assigned', 'in_process', 'done')) as received_at,
    min(occurred_at) filter (where status = 'refused') as refused_at,
    min(occurred_at) filter (where status = 'done') as done_at,
    min(occurred_at) filter (where status = 'recalled') as recalled_at,
    max(occurred_at) filter (where status = 'change_agreed') as change_agreed_at,
    max(occurred_at) filter (where status = 'change_refused') as change_refused_at,
    (count(*) filter (where status not in ('sent', 'recalled')))::integer as event_count,
    (array_agg(_batch_id order by {{ newest_first('occurred_at') }}))[1] as _batch_id,
    (array_agg(_row_number order by {{ newest_first('occurred_at') }}))[1] as _row_number
  from event
  group by delivery_key, document_key
), delivery as (
  select
    told.*,
    least(received_at, refused_at, standing.recalled_at) as closed_at,
    case least(received_at, refused_at, standing.recalled_at)
      when received_at then 'received'
      when refused_at then 'refused'
      when standing.recalled_at then 'recalled'
    end as outcome
  from told
  cross join lateral (
    -- A recall that the recipient refused closes nothing.
    select case
      when coalesce(change_refused_at >= told.recalled_at and change_refused_at >= coalesce(change_agreed_at, '-infinity'), false) then null
      else told.recalled_at
    end as recalled_at
  ) as standing
)

select
  delivery.delivery_key,
  delivery.document_key,
  delivery.system,
  agency.agency_key,
  delivery.agency_code,
  delivery.recipient_code,
  delivery.document_number,
  delivery.document_symbol,
  delivery.issued_date,
  delivery.status,
  delivery.first_event_at,
  delivery.sent_at,
  delivery.arrived_at,
  delivery.received_at,
  delivery.refused_at,
  delivery.done_at,
  delivery.recalled_at,
  delivery.change_agreed_at,
  delivery.change_refused_at,
  delivery.closed_at,
  delivery.outcome,
  delivery.event_count,
  delivery._batch_id,
  delivery._row_number
from delivery
{{ join_agency('delivery', 'issued_date') }}
