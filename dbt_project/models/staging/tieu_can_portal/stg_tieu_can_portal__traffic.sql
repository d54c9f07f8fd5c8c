select
  day._key as traffic_key,
  'tieu_can_portal' as system,
  site.code as agency_code,
  'Toàn trang' as section,
  day.visit_date,
  day.visits as visit_count,
  day.page_views as page_view_count,
  {{ version_columns() }}
from (
  {{ input_rows('tieu_can_portal.traffic') }}
) as day
{{ join_mapping('site', 'agency', 'tieu_can_portal', 'day.site') }}
