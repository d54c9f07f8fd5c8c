select
  computer._key as computer_key,
  {{ hash_key(["'workplace'", 'computer.staff_hash']) }} as staff_key,
  computer.computer_code,
  'workplace' as system,
  {{ canonical_agency_code('computer.agency_code') }} as agency_code,
  computer.is_networked,
  computer.list_unit,
  computer.list_date,
  computer.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('workplace.computers') }}
) as computer
