select
  {{ hash_key(['message.document_key', 'recipient.agency_code']) }} as incoming_key,
  message.document_key,
  'idesk' as system,
  message.action,
  recipient.agency_code,
  message.sender_code,
  message.number as document_number,
  message.symbol as document_symbol,
  message.issued_date,
  document_type.code as document_type,
  {{ day_of('message.received_at', 'place') }} as received_date,
  message.replaced_by,
  message.received_at as updated_at,
  {{ version_columns() }}
from (
  {{ edxml_documents('idesk.incoming') }}
) as message
cross join lateral regexp_split_to_table(message.recipient_codes, '; ') as given (code)
cross join lateral (select {{ canonical_agency_code('given.code') }} as agency_code) as recipient
left join {{ ref('systems') }} as place on place.system = 'idesk'
{{ join_mapping('document_type', 'document_type', 'idesk', "message.document_type_name") }}
