select
  step.metric,
  site.agency_code,
  null::text as detail,
  site.surveyed_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  site.site_code as row_code,
  site._batch_id,
  site._row_number
from {{ ref('fct_radio_station_site') }} as site
cross join lateral (
  values
    ('radio_station_sites_surveyed', 1),
    ('radio_station_sites_not_eligible', (not is_eligible)::integer)
) as step (metric, amount)
where step.amount <> 0
