select
  dossier._key as dossier_key,
  dossier.dossier_code,
  null::text as ministry_dossier_code,
  'igate' as system,
  {{ canonical_agency_code('dossier.agency_code') }} as agency_code,
  null::text as competent_agency_code,
  dossier.procedure_code,
  field.field,
  channel.code as channel,
  status.code as status,
  null as return_method,
  null as applicant_type,
  null::timestamptz as submitted_at,
  dossier.received_at,
  dossier.due_at,
  null::timestamptz as supplement_requested_at,
  null::timestamptz as supplemented_at,
  dossier.processed_at,
  dossier.returned_at,
  null::timestamptz as refused_at,
  false as is_returned_by_post,
  dossier.fee_vnd,
  null::bigint as charge_vnd,
  null::bigint as amount_vnd,
  dossier.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('igate.dossiers') }}
) as dossier
left join {{ ref('fields') }} as field on field.system = 'igate' and field.raw_code = dossier.field_code
{{ join_mapping('channel', 'channel', 'igate', 'dossier.channel_code') }}
{{ join_mapping('status', 'dossier_status', 'igate', 'dossier.status_code') }}
