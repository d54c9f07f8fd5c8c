with document as (
  {{ input_rows('documents.outgoing') }}
), folded as (
  select
    document.*,
    {{ canonical_agency_code('document.agency_code') }} as canonical_code,
    {{ folded_number('document.document_number') }} as number,
    {{ folded_symbol('document.document_symbol') }} as symbol
  from document
)

select
  {{ document_key('canonical_code', 'issued_date', 'number', 'symbol') }} as document_key,
  'documents' as system,
  'new' as action,
  canonical_code as agency_code,
  number as document_number,
  symbol as document_symbol,
  issued_date,
  document_type.code as document_type,
  is_signed_electronically,
  null::text as signature,
  is_sent_on_paper,
  null::text as replaced_by,
  updated_at,
  {{ version_columns() }}
from folded
{{ join_mapping('document_type', 'document_type', 'documents', "lower(normalize(trim(folded.document_type_name), nfc))") }}
