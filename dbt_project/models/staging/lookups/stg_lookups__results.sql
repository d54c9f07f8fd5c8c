select
  _key as lookup_key,
  {{ canonical_agency_code('counted.agency_code') }} as agency_code,
  channel.code as lookup_channel,
  counted.counted_on,
  counted.lookups as lookup_count,
  {{ version_columns() }}
from (
  {{ input_rows('lookups.results') }}
) as counted
{{ join_mapping('channel', 'lookup_channel', 'lookups', 'counted.channel_name') }}
