-- A unit is counted once, however many certificates it has; a unit without one is told by the list that lacks it.
select
  'units_with_digital_certificate' as metric,
  certificate.agency_code,
  null::text as detail,
  edge.movement_date,
  certificate.agency_code as counted_key,
  false as is_adjustment,
  edge.amount::bigint as amount,
  certificate.certificate_code as row_code,
  certificate._batch_id,
  certificate._row_number
from {{ ref('fct_digital_certificate') }} as certificate
cross join lateral (values (valid_from, 1), (valid_to + 1, -1)) as edge (movement_date, amount)
where certificate.is_valid and certificate.holder_kind = 'unit'

union all

select
  'units_without_digital_certificate' as metric,
  unit.agency_code,
  null::text as detail,
  edge.movement_date,
  null::text as counted_key,
  false as is_adjustment,
  edge.amount::bigint as amount,
  unit.agency_code as row_code,
  unit._batch_id,
  null::bigint as _row_number
from {{ ref('fct_unit_without_certificate') }} as unit
cross join lateral (values (valid_from, 1), (valid_to + 1, -1)) as edge (movement_date, amount)
where edge.movement_date is not null
