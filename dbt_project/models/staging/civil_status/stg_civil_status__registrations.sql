select
  entry._key as registration_key,
  'civil_status' as system,
  {{ canonical_agency_code('entry.agency_code') }} as agency_code,
  event.code as civil_event,
  entry.book_code || '-' || entry.entry_number as registration_code,
  entry.registered_date,
  -- The key that the one-stop desk's dossier of this code has.
  case when entry.dossier_code is not null then {{ hash_key(["'one_stop'", 'entry.dossier_code']) }} end as dossier_key,
  entry.dossier_code,
  {{ version_columns() }}
from (
  {{ input_rows('civil_status.registrations') }}
) as entry
{{ join_mapping('event', 'civil_event', 'civil_status', 'entry.event_kind') }}
