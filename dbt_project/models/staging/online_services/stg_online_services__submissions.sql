select
  submission._key as submission_key,
  submission.submission_code,
  'online_services' as system,
  case when submission.dossier_code is not null then {{ hash_key(["'one_stop'", 'submission.dossier_code']) }} end as dossier_key,
  submission.dossier_code,
  {{ canonical_agency_code('submission.agency_code') }} as agency_code,
  {{ procedure_head('submission.procedure_code') }} as procedure_code,
  status.code as status,
  submission.submitted_at,
  submission.accepted_at,
  submission.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('online_services.submissions') }}
) as submission
{{ join_mapping('status', 'submission_status', 'online_services', 'submission.status_code') }}
