with list as (
  select list_date, listed_to, batch_id, {{ canonical_agency_code('list_unit') }} as agency_code
  from {{ ref('stg_ledger__lists') }}
  where contract = 'certificates.register' and is_in_force
), unit as (
  -- Whoever the list is for, whether it has a row there or not; the list of a unit is for all below it.
  select
    operation.agency_code,
    list.list_date,
    list.batch_id as _batch_id,
    datemultirange(
      daterange(
        greatest(list.list_date, operation.operated_from), least(list.listed_to, operation.operated_to), '[]'
      )
    ) as days
  from list
  join {{ ref('bridge_system_operation') }} as operation
    on operation.system = 'certificates'
    and operation.operated_from <= coalesce(list.listed_to, 'infinity')
    and coalesce(operation.operated_to, 'infinity') >= list.list_date
    and (list.agency_code is null or starts_with(operation.agency_code || '.', list.agency_code || '.'))
), signing as (
  -- The days on which one of the unit's own certificates is valid; those of its people don't count.
  select agency_code, range_agg(daterange(valid_from, valid_to, '[]')) as days
  from {{ ref('fct_digital_certificate') }}
  where is_valid and holder_kind = 'unit'
  group by agency_code
), gap as (
  select
    unit.agency_code,
    unit.list_date,
    unit._batch_id,
    unnest(unit.days - coalesce(signing.days, '{}')) as days
  from unit
  left join signing on signing.agency_code = unit.agency_code
)

select
  agency.agency_key,
  gap.agency_code,
  gap.list_date,
  lower(gap.days) as valid_from,
  upper(gap.days) - 1 as valid_to,
  gap._batch_id
from gap
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = gap.agency_code
  and lower(gap.days) between agency.valid_from and coalesce(agency.valid_to, 'infinity')
