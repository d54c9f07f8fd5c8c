select
  {{ hash_key(['scheme', 'level']) }} as service_level_key,
  scheme as service_level_scheme,
  scheme_name,
  level as service_level,
  name as service_level_name,
  valid_from,
  valid_to
from {{ ref('service_levels') }}
