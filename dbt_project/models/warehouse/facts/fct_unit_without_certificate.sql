with list as (
  select distinct list_date, listed_to, _batch_id from {{ ref('fct_digital_certificate') }}
), unit as (
  -- Whoever the register is for, whether it has a row there or not.
  select
    operation.agency_code,
    list.list_date,
    list._batch_id,
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
), signing as (
  -- The days on which one of the unit's own certificates is valid; those of its people don't count.
  select agency_code, list_date, range_agg(daterange(valid_from, valid_to, '[]')) as days
  from {{ ref('fct_digital_certificate') }}
  where is_valid and holder_kind = 'unit'
  group by agency_code, list_date
), gap as (
  select
    unit.agency_code,
    unit.list_date,
    unit._batch_id,
    unnest(unit.days - coalesce(signing.days, '{}')) as days
  from unit
  left join signing on signing.agency_code = unit.agency_code and signing.list_date = unit.list_date
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
