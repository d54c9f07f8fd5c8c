select
  item._key as item_key,
  item.item_code,
  'tieu_can_portal' as system,
  site.code as agency_code,
  {{ canonical_agency_code('item.contributor_code') }} as contributor_code,
  item.section,
  item_type.code as item_type,
  status.code as status,
  item.photo_count,
  item.received_at,
  item.published_at,
  item.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('tieu_can_portal.items') }}
) as item
{{ join_mapping('site', 'agency', 'tieu_can_portal', 'item.site') }}
{{ join_mapping('item_type', 'item_type', 'tieu_can_portal', 'item.item_type_name') }}
{{ join_mapping('status', 'item_status', 'tieu_can_portal', 'item.moderation') }}
