select
  _key as item_key,
  item_code,
  'portal' as system,
  {{ canonical_agency_code('item.agency_code') }} as agency_code,
  {{ canonical_agency_code('item.contributor_code') }} as contributor_code,
  section,
  item_type,
  status,
  photo_count,
  received_at,
  published_at,
  updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('portal.items') }}
) as item
