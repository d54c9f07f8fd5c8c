with recursive agency as (
  select agency_code, parent_agency_code, valid_from, valid_to from {{ ref('dim_agency') }}
), member as (
  select agency_code as scope_agency_code, agency_code, 0 as depth, valid_from, valid_to
  from agency
  union all
  select
    member.scope_agency_code,
    agency.agency_code,
    member.depth + 1,
    greatest(member.valid_from, agency.valid_from),
    least(member.valid_to, agency.valid_to)
  from member
  join agency
    on agency.parent_agency_code = member.agency_code
    and agency.valid_from <= coalesce(member.valid_to, 'infinity')
    and coalesce(agency.valid_to, 'infinity') >= member.valid_from
)

select scope_agency_code, agency_code, depth, valid_from, valid_to
from member
