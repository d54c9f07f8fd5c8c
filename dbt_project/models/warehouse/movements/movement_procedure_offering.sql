select
  step.metric,
  offering.agency_code,
  offering.procedure_group as detail,
  edge.movement_date,
  offering.procedure_code as counted_key,
  false as is_adjustment,
  edge.amount::bigint as amount,
  offering.procedure_code as row_code,
  offering._batch_id,
  offering._row_number
from {{ ref('fct_procedure_offering') }} as offering
cross join lateral (
  values
    ('procedures_on_one_stop', is_at_one_stop),
    ('procedures_online_level_3', service_level = '3'),
    ('procedures_online_level_4', service_level = '4'),
    ('procedures_online_partial', service_level = 'partial'),
    ('procedures_online_full', service_level = 'full'),
    ('procedures_announced_for_post', is_announced_for_post)
) as step (metric, applies)
cross join lateral (values (valid_from, 1), (valid_to + 1, -1)) as edge (movement_date, amount)
where step.applies and edge.movement_date is not null
