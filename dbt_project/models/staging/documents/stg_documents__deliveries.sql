with event as (
  {{ input_rows('documents.deliveries') }}
), folded as (
  select
    event.*,
    {{ canonical_agency_code('event.agency_code') }} as sender_code,
    {{ canonical_agency_code('event.recipient_code') }} as canonical_recipient_code,
    {{ folded_number('event.document_number') }} as number,
    {{ folded_symbol('event.document_symbol') }} as symbol
  from event
), identified as (
  select folded.*, {{ document_key('sender_code', 'issued_date', 'number', 'symbol') }} as document_key
  from folded
)

select
  _key as event_key,
  {{ hash_key(['document_key', 'canonical_recipient_code']) }} as delivery_key,
  document_key,
  'documents' as system,
  sender_code as agency_code,
  canonical_recipient_code as recipient_code,
  number as document_number,
  symbol as document_symbol,
  issued_date,
  status.code as status,
  occurred_at,
  {{ version_columns() }}
from identified
{{ join_mapping('status', 'delivery_status', 'documents', 'identified.status_code') }}
