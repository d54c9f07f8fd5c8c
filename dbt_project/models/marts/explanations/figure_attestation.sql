select
  adjustment_code,
  metric,
  agency_code,
  amount,
  effective_date,
  signed_at,
  signer_position,
  signer_agency,
  document_code,
  adjustment_reason
from {{ ref('fct_dossier_adjustment') }}
