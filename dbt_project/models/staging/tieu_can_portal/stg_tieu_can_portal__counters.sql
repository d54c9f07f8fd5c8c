select
  {{ hash_key(["'tieu_can_portal'", 'page.site', 'page.counted_on', 'reading.counter']) }} as counter_key,
  'tieu_can_portal' as system,
  site.code as agency_code,
  reading.counter,
  page.counted_on,
  reading.year_to_date,
  reading.since_opening,
  {{ version_columns() }}
from (
  {{ input_rows('tieu_can_portal.counters') }}
) as page
cross join lateral (
  values
    ('items', items_year_to_date, items_since_opening),
    ('photos', photos_year_to_date, photos_since_opening),
    ('visits', visits_year_to_date, visits_since_opening)
) as reading (counter, year_to_date, since_opening)
{{ join_mapping('site', 'agency', 'tieu_can_portal', 'page.site') }}
