with document as (
  {{ input_rows('moffice.outgoing') }}
), folded as (
  select
    document.*,
    agency.code as agency_code,
    {{ number_in('document.document_code') }} as number,
    {{ symbol_in('document.document_code') }} as symbol
  from document
  {{ join_mapping('agency', 'agency', 'moffice', 'document.agency_name') }}
)

select
  {{ document_key('agency_code', 'issued_date', 'number', 'symbol') }} as document_key,
  'moffice' as system,
  'new' as action,
  agency_code,
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
{{ join_mapping('document_type', 'document_type', 'moffice', 'folded.document_type_name') }}
