select
  supplement._key as supplement_key,
  supplement.supplement_code,
  'one_stop' as system,
  {{ hash_key(["'one_stop'", 'supplement.dossier_code']) }} as dossier_key,
  supplement.dossier_code,
  {{ canonical_agency_code('supplement.agency_code') }} as agency_code,
  reason.code as reason,
  supplement.requested_at,
  supplement.supplemented_at,
  supplement.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('one_stop.supplements') }}
) as supplement
{{ join_mapping('reason', 'supplement_reason', 'one_stop', 'supplement.reason_code') }}
