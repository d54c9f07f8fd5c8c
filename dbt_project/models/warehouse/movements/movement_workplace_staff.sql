select
  step.metric,
  staff.agency_code,
  null::text as detail,
  edge.movement_date,
  null::text as counted_key,
  false as is_adjustment,
  (edge.sign * step.amount)::bigint as amount,
  -- Nobody knows a person by it: it tells rows apart.
  left(staff.staff_key::text, 8) as row_code,
  staff._batch_id,
  staff._row_number
from {{ ref('fct_workplace_staff') }} as staff
cross join lateral (
  values
    ('staff_in_workplace', 1),
    ('staff_with_official_mailbox', has_official_mailbox::integer),
    ('staff_with_networked_computer', has_networked_computer::integer)
) as step (metric, amount)
cross join lateral (values (list_date, 1), (listed_to + 1, -1)) as edge (movement_date, sign)
where step.amount <> 0 and edge.movement_date is not null
