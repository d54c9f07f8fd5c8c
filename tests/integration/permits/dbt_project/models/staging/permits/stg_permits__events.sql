select
  {{ hash_key(["'permits'", 'permit.case_code']) }} as dossier_key,
  permit.case_code as dossier_code,
  null::text as ministry_dossier_code,
  'permits' as system,
  agency.code as agency_code,
  null::text as competent_agency_code,
  null::text as procedure_code,
  field.field,
  channel.code as channel,
  case
    when permit.returned_at is not null then 'result_returned'
    when permit.processed_at is not null then 'processed'
    else 'in_process'
  end as status,
  null::text as return_method,
  null::text as applicant_type,
  null::timestamptz as submitted_at,
  -- The application itself may not have come yet.
  coalesce(permit.received_at, permit.first_event_at) as received_at,
  permit.due_at,
  permit.supplement_requested_at,
  permit.supplemented_at,
  permit.processed_at,
  permit.returned_at,
  null::timestamptz as refused_at,
  false as is_returned_by_post,
  null::bigint as fee_vnd,
  null::bigint as charge_vnd,
  null::bigint as amount_vnd,
  permit.last_event_at as updated_at,
  {{ version_columns() }}
from (
  {{ fold_events(
    'permits.events', case='case_code', activity='activity', time='occurred_at',
    first={
      'received_at': ['Aanvraag ontvangen'],
      'supplement_requested_at': ['Aanvulling gevraagd'],
      'returned_at': ['Besluit verzonden'],
    },
    last={
      'supplemented_at': ['Aanvulling ontvangen'],
      'processed_at': ['Besluit genomen', 'Aanvraag ingetrokken'],
    },
    newest=['municipality', 'part', 'channel', 'due_at']
  ) }}
) as permit
left join {{ ref('fields') }} as field on field.system = 'permits' and field.raw_code = permit.part
{{ join_mapping('agency', 'agency', 'permits', 'permit.municipality') }}
{{ join_mapping('channel', 'channel', 'permits', 'permit.channel') }}
