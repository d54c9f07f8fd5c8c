select
  procedure_code,
  valid_from,
  valid_to,
  leading_system
from {{ ref('leading_systems') }}
