select
  bridge.scope_agency_code,
  scope.unit_code as scope_unit_code,
  scope.agency_name as scope_name,
  scope.short_name as scope_short_name,
  bridge.agency_code,
  agency.agency_level,
  agency.agency_name,
  agency.short_name,
  bridge.depth,
  bridge.valid_from,
  bridge.valid_to,
  agency.is_unit
from {{ ref('bridge_agency') }} as bridge
join {{ ref('dim_agency') }} as scope
  on scope.agency_code = bridge.scope_agency_code
  and bridge.valid_from between scope.valid_from and coalesce(scope.valid_to, 'infinity')
join {{ ref('dim_agency') }} as agency
  on agency.agency_code = bridge.agency_code
  and bridge.valid_from between agency.valid_from and coalesce(agency.valid_to, 'infinity')
