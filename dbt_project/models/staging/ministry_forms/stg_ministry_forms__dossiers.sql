select
  dossier._key as ministry_dossier_key,
  'ministry_forms' as system,
  dossier.dossier_code as ministry_dossier_code,
  {{ canonical_agency_code('dossier.agency_code') }} as agency_code,
  {{ procedure_head('dossier.procedure_code') }} as procedure_code,
  dossier.received_at,
  {{ version_columns() }}
from (
  {{ input_rows('ministry_forms.dossiers') }}
) as dossier
