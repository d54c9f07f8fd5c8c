with agency as (
  select * from {{ ref('agencies') }}
)

select
  {{ hash_key(['agency.agency_code', 'agency.valid_from']) }} as agency_key,
  agency.agency_code,
  agency.unit_code,
  agency.name as agency_name,
  agency.short_name,
  agency.level as agency_level,
  agency.parent_agency_code,
  -- Departments have no unit code: their unit is the one that they belong to.
  case when agency.unit_code is null then agency.parent_agency_code else agency.agency_code end as unit_agency_code,
  agency.unit_code is not null as is_unit,
  agency.valid_from,
  agency.valid_to
from agency
