select
  service_level_key,
  service_level_scheme,
  scheme_name,
  service_level,
  service_level_name,
  valid_from,
  valid_to
from {{ ref('dim_service_level') }}
union all
-- Also of what is not offered online.
select {{ unknown_key() }}, '', {{ unknown_title() }}, '', {{ unknown_title() }}, null, null
