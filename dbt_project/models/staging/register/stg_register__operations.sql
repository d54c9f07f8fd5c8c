select
  {{ canonical_agency_code('operation.district_code') }} as district_code,
  system.code as system,
  {{ canonical_agency_code('operation.agency_code') }} as agency_code,
  operation.includes_departments,
  operation.operated_from,
  operation.operated_to,
  operation.list_unit,
  operation.list_date,
  operation.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('register.operations') }}
) as operation
{{ join_mapping('system', 'system', 'register', 'operation.system_name') }}
