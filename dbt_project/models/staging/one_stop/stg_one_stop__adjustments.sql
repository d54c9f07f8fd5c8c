with adjustment as (
  {{ input_rows('one_stop.adjustments') }}
)

select
  adjustment._key as adjustment_key,
  adjustment.adjustment_code,
  adjustment.metric,
  {{ canonical_agency_code('adjustment.agency_code') }} as agency_code,
  field.field,
  adjustment.amount,
  adjustment.effective_date,
  adjustment.signed_at,
  adjustment.signer_position,
  adjustment.signer_agency,
  adjustment.document_code,
  adjustment.adjustment_reason,
  {{ version_columns() }}
from adjustment
left join {{ ref('fields') }} as field on field.system = 'one_stop' and field.raw_code = adjustment.field_code
