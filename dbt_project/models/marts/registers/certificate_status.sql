with list as (
  select distinct list_date from {{ ref('fct_digital_certificate') }}
), valid as (
  select
    agency_code,
    list_date,
    count(*) filter (where holder_kind = 'unit') as unit_certificate_count,
    count(*) filter (where holder_kind = 'person') as person_certificate_count,
    max(expiry_date) filter (where holder_kind = 'unit') as unit_expiry_date
  from {{ ref('fct_digital_certificate') }}
  where is_valid and valid_from = list_date
  group by agency_code, list_date
)

select
  list.list_date,
  operation.agency_code,
  coalesce(valid.unit_certificate_count, 0)::bigint as unit_certificate_count,
  coalesce(valid.person_certificate_count, 0)::bigint as person_certificate_count,
  valid.unit_expiry_date
from list
join {{ ref('bridge_system_operation') }} as operation
  on operation.system = 'certificates'
  and list.list_date between operation.operated_from and coalesce(operation.operated_to, 'infinity')
left join valid on valid.agency_code = operation.agency_code and valid.list_date = list.list_date
