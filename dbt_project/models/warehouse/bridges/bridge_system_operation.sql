select
  operation.system,
  agency.agency_code,
  agency.is_unit,
  greatest(operation.operated_from, agency.valid_from) as operated_from,
  least(operation.operated_to, agency.valid_to) as operated_to
from {{ ref('system_operation') }} as operation
join {{ ref('dim_agency') }} as agency
  on agency.agency_code = operation.agency_code
  or (operation.includes_departments and not agency.is_unit and agency.unit_agency_code = operation.agency_code)
where agency.valid_from <= coalesce(operation.operated_to, 'infinity')
  and coalesce(agency.valid_to, 'infinity') >= operation.operated_from
