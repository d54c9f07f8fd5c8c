select
  mailbox._key as mailbox_key,
  {{ hash_key(["'workplace'", 'mailbox.staff_hash']) }} as staff_key,
  'workplace' as system,
  {{ canonical_agency_code('mailbox.agency_code') }} as agency_code,
  status.code as status,
  mailbox.list_unit,
  mailbox.list_date,
  mailbox.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('workplace.mailboxes') }}
) as mailbox
{{ join_mapping('status', 'mailbox_status', 'workplace', 'mailbox.status') }}
