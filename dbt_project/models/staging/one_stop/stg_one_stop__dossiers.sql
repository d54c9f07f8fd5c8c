select
  dossier._key as dossier_key,
  dossier.dossier_code,
  dossier.ministry_dossier_code,
  'one_stop' as system,
  {{ canonical_agency_code('dossier.agency_code') }} as agency_code,
  null::text as competent_agency_code,
  {{ procedure_head('dossier.procedure_code') }} as procedure_code,
  field.field,
  case when dossier.channel_code is null then 'direct' else channel.code end as channel,
  status.code as status,
  return_method.code as return_method,
  applicant_type.code as applicant_type,
  dossier.submitted_at,
  dossier.received_at,
  dossier.due_at,
  dossier.supplement_requested_at,
  dossier.supplemented_at,
  dossier.processed_at,
  dossier.returned_at,
  dossier.refused_at,
  dossier.is_returned_by_post,
  dossier.fee_vnd,
  dossier.charge_vnd,
  dossier.amount_vnd,
  dossier.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('one_stop.dossiers') }}
) as dossier
left join {{ ref('fields') }} as field on field.system = 'one_stop' and field.raw_code = dossier.field_code
{{ join_mapping('channel', 'channel', 'one_stop', 'dossier.channel_code') }}
{{ join_mapping('status', 'dossier_status', 'one_stop', 'dossier.status_code') }}
{{ join_mapping('return_method', 'return_method', 'one_stop', 'dossier.return_method_code') }}
{{ join_mapping('applicant_type', 'applicant_type', 'one_stop', 'dossier.applicant_type_code') }}
