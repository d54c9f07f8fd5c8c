select
  offering._key as online_offering_key,
  offering.offering_code,
  'online_services' as system,
  {{ canonical_agency_code('offering.agency_code') }} as agency_code,
  {{ procedure_head('offering.procedure_code') }} as procedure_code,
  scheme.code as service_level_scheme,
  level.code as service_level,
  offering.offered_from as valid_from,
  offering.offered_to as valid_to,
  offering.updated_at,
  {{ version_columns() }}
from (
  {{ input_rows('online_services.offerings') }}
) as offering
{{ join_mapping('level', 'service_level', 'online_services', 'offering.level_code') }}
{{ join_mapping('scheme', 'service_level_scheme', 'online_services', 'offering.scheme_code') }}
