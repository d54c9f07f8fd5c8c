select
  'services_registered_with_population_database' as metric,
  service.agency_code,
  null::text as detail,
  edge.movement_date,
  service.service_code as counted_key,
  false as is_adjustment,
  edge.amount::bigint as amount,
  service.service_code as row_code,
  service._batch_id,
  service._row_number
from {{ ref('fct_population_service') }} as service
cross join lateral (values (list_date, 1), (listed_to + 1, -1)) as edge (movement_date, amount)
where service.is_registered and edge.movement_date is not null
