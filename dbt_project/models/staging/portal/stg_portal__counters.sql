select
  counter._key as counter_key,
  'portal' as system,
  {{ canonical_agency_code('counter.agency_code') }} as agency_code,
  counter.counter,
  counter.counted_on,
  counter.year_to_date,
  counter.since_opening,
  {{ version_columns() }}
from (
  {{ input_rows('portal.counters') }}
) as counter
