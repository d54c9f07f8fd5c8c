select
  {{ hash_key(['message._key', 'recipient.agency_code']) }} as event_key,
  {{ hash_key(['message.document_key', 'recipient.agency_code']) }} as delivery_key,
  message.document_key,
  'idesk' as system,
  message.sender_code as agency_code,
  recipient.agency_code as recipient_code,
  message.number as document_number,
  message.symbol as document_symbol,
  message.issued_date,
  case message.action when 'new' then 'sent' else 'recalled' end as status,
  message.sent_at as occurred_at,
  {{ version_columns() }}
from (
  {{ edxml_documents('idesk.outgoing') }}
) as message
cross join lateral regexp_split_to_table(message.recipient_codes, '; ') as given (code)
cross join lateral (select {{ canonical_agency_code('given.code') }} as agency_code) as recipient
where message.action in ('new', 'recall')
