select
  step.metric,
  programme.agency_code,
  null::text as detail,
  programme.broadcast_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  programme.programme_code as row_code,
  programme._batch_id,
  programme._row_number
from {{ ref('fct_broadcast_programme') }} as programme
cross join lateral (
  values
    ('broadcast_programmes', 1),
    ('broadcast_minutes', minute_count),
    ('broadcast_listens', listen_count)
) as step (metric, amount)
where step.amount <> 0
