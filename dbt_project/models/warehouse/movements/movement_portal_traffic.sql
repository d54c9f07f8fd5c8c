select
  step.metric,
  traffic.agency_code,
  null::text as detail,
  traffic.visit_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  traffic.section as row_code,
  traffic._batch_id,
  traffic._row_number,
  traffic.traffic_key as fact_key
from {{ ref('fct_portal_traffic') }} as traffic
cross join lateral (
  values ('portal_visits', visit_count), ('portal_page_views', page_view_count)
) as step (metric, amount)
where step.amount <> 0
