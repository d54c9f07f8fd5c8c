with document as (
  {{ input_rows('moffice.incoming') }}
), folded as (
  select
    document.*,
    recipient.code as agency_code,
    sender.code as sender_code,
    {{ number_in('document.document_code') }} as number,
    {{ symbol_in('document.document_code') }} as symbol
  from document
  {{ join_mapping('recipient', 'agency', 'moffice', 'document.recipient_name') }}
  {{ join_mapping('sender', 'agency', 'moffice', 'document.sender_name') }}
), identified as (
  select folded.*, {{ document_key('sender_code', 'issued_date', 'number', 'symbol') }} as document_key
  from folded
)

select
  {{ hash_key(['document_key', 'agency_code']) }} as incoming_key,
  document_key,
  'moffice' as system,
  'new' as action,
  agency_code,
  sender_code,
  number as document_number,
  symbol as document_symbol,
  issued_date,
  document_type.code as document_type,
  received_date,
  null::text as replaced_by,
  updated_at,
  {{ version_columns() }}
from identified
{{ join_mapping('document_type', 'document_type', 'moffice', 'identified.document_type_name') }}
