select
  message.document_key,
  'idesk' as system,
  message.action,
  message.sender_code as agency_code,
  message.number as document_number,
  message.symbol as document_symbol,
  message.issued_date,
  document_type.code as document_type,
  message.signature_method is not null as is_signed_electronically,
  signature.code as signature,
  message.is_sent_on_paper,
  message.replaced_by,
  message.sent_at as updated_at,
  {{ version_columns() }}
from (
  {{ edxml_documents('idesk.outgoing') }}
) as message
{{ join_mapping('document_type', 'document_type', 'idesk', "message.document_type_name") }}
{{ join_mapping('signature', 'signature', 'idesk', "message.signature") }}
