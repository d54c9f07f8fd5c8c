select
  bill._key as handover_key,
  bill.bill_number,
  'post' as system,
  direction.code as direction,
  {{ hash_key(["'one_stop'", 'bill.dossier_code']) }} as dossier_key,
  bill.dossier_code,
  {{ canonical_agency_code('bill.agency_code') }} as agency_code,
  bill.post_office,
  status.code as status,
  bill.accepted_at,
  bill.delivered_at,
  bill.postage_vnd,
  bill.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('post.handovers') }}
) as bill
{{ join_mapping('direction', 'post_direction', 'post', 'bill.direction_code') }}
{{ join_mapping('status', 'post_status', 'post', 'bill.status_code') }}
