select
  service._key as registration_key,
  service.service_code,
  'population' as system,
  {{ canonical_agency_code('service.agency_code') }} as agency_code,
  service.registered_date,
  status.code as status,
  service._business_date as list_date,
  {{ version_columns() }}
from (
  {{ input_rows('population.services') }}
) as service
{{ join_mapping('status', 'connection_status', 'population', 'service.status') }}
