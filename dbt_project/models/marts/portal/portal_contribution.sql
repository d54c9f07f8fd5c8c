with period as (
  {{ told_periods("like 'portal_item%'") }}
)

select
  period.scheme,
  period.period_code,
  item.agency_code,
  item.contributor_code,
  count(*) filter (where item.received_date between period.from_date and period.to_date)::bigint as item_received_count,
  count(*) filter (where item.published_date between period.from_date and period.to_date)::bigint as item_published_count
from period
join {{ ref('fct_portal_item') }} as item
  on item.received_date between period.from_date and period.to_date
  or item.published_date between period.from_date and period.to_date
where item.contributor_code is not null and item.item_type <> 'directive'
group by 1, 2, 3, 4
