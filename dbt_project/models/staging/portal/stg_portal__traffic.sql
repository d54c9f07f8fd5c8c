with counter as (
  {{ input_rows('portal.traffic') }}
)

select
  _key as traffic_key,
  'portal' as system,
  {{ canonical_agency_code('counter.agency_code') }} as agency_code,
  section,
  visit_date,
  visits as visit_count,
  page_views as page_view_count,
  {{ version_columns() }}
from counter
