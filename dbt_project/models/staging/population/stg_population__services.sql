select
  service._key as registration_key,
  service.service_code,
  'population' as system,
  {{ canonical_agency_code('service.agency_code') }} as agency_code,
  service.registered_date,
  status.code as status,
  service.list_unit,
  service.list_date,
  service.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('population.services') }}
) as service
{{ join_mapping('status', 'connection_status', 'population', 'service.status') }}
