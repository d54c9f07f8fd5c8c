select
  step.metric,
  lookup.agency_code,
  lookup.lookup_channel as detail,
  lookup.counted_on as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  lookup.lookup_channel || ' ' || lookup.counted_on as row_code,
  lookup._batch_id,
  lookup._row_number
from {{ ref('fct_result_lookup') }} as lookup
cross join lateral (
  values
    ('result_lookups', lookup_count)
) as step (metric, amount)
where step.amount <> 0
