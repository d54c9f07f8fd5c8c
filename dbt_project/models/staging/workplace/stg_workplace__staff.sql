select
  staff._key as staff_key,
  staff.staff_hash,
  'workplace' as system,
  {{ canonical_agency_code('staff.agency_code') }} as agency_code,
  staff._business_date as list_date,
  {{ version_columns() }}
from (
  {{ input_rows('workplace.staff') }}
) as staff
