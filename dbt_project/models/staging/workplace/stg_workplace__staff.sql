select
  staff._key as staff_key,
  'workplace' as system,
  {{ canonical_agency_code('staff.agency_code') }} as agency_code,
  staff.list_unit,
  staff.list_date,
  staff.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('workplace.staff') }}
) as staff
