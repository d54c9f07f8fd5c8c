select
  _key as programme_key,
  programme.programme_code,
  {{ canonical_agency_code('programme.agency_code') }} as agency_code,
  programme.broadcast_date,
  programme.title as programme_title,
  programme.minutes as minute_count,
  programme.listens as listen_count,
  programme.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('broadcasting.programmes') }}
) as programme
