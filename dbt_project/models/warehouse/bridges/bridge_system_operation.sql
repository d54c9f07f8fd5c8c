with register as (
  select * from {{ ref('stg_register__operations') }} where _is_in_force
), handed_over as (
  -- The districts that ever handed over a list, were it an empty one.
  select district_code from register
  union
  select {{ canonical_agency_code('list_unit') }}
  from {{ ref('stg_ledger__lists') }}
  where contract = 'register.operations' and is_in_force
), told as (
  -- A district's newest list stands. It says nothing of another's units.
  select register.system, register.agency_code, register.includes_departments, register.operated_from, register.operated_to
  from register
  where register.listed_to is null and starts_with(register.agency_code || '.', register.district_code || '.')
  union all
  -- The seed stands for districts that never handed over a list.
  select seed.system, seed.agency_code, seed.includes_departments, seed.operated_from, seed.operated_to
  from {{ ref('system_operation') }} as seed
  where not exists (
    select from handed_over where starts_with(seed.agency_code || '.', handed_over.district_code || '.')
  )
), operated as (
  -- Times that overlap or meet are one.
  select
    told.system,
    agency.agency_code,
    agency.is_unit,
    range_agg(
      daterange(greatest(told.operated_from, agency.valid_from), least(told.operated_to, agency.valid_to), '[]')
    ) as days
  from told
  join {{ ref('dim_agency') }} as agency
    on agency.agency_code = told.agency_code
    or (told.includes_departments and not agency.is_unit and agency.unit_agency_code = told.agency_code)
  where told.operated_from <= coalesce(told.operated_to, 'infinity')
    and agency.valid_from <= coalesce(told.operated_to, 'infinity')
    and coalesce(agency.valid_to, 'infinity') >= told.operated_from
  group by 1, 2, 3
)

select
  operated.system,
  operated.agency_code,
  operated.is_unit,
  lower(span) as operated_from,
  upper(span) - 1 as operated_to
from operated
cross join lateral unnest(operated.days) as span
