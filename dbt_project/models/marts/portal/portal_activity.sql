with period as (
  {{ told_periods("like 'portal_%'") }}
), daily as (
  select
    agency_code, section, received_date as activity_date, 1 as received, 0 as published, 0 as photos,
    0 as directives, 0 as visits, 0 as page_views
  from {{ ref('fct_portal_item') }}
  where item_type <> 'directive'
  union all
  select
    agency_code, section, published_date, 0, (item_type <> 'directive')::integer,
    case when item_type <> 'directive' then photo_count else 0 end, (item_type = 'directive')::integer, 0, 0
  from {{ ref('fct_portal_item') }}
  where is_published
  union all
  select agency_code, section, visit_date, 0, 0, 0, 0, visit_count, page_view_count
  from {{ ref('fct_portal_traffic') }}
)

select
  period.scheme,
  period.period_code,
  daily.agency_code,
  daily.section,
  sum(daily.received)::bigint as item_received_count,
  sum(daily.published)::bigint as item_published_count,
  sum(daily.photos)::bigint as photo_published_count,
  sum(daily.directives)::bigint as directive_published_count,
  sum(daily.visits)::bigint as visit_count,
  sum(daily.page_views)::bigint as page_view_count
from period
join daily on daily.activity_date between period.from_date and period.to_date
group by 1, 2, 3, 4
