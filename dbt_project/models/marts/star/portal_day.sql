{{ config(materialized='view') }}
select
  day.date_day,
  day.agency_key,
  day.agency_code,
  day.section,
  day.item_type,
  case when day.date_day <= coalesce(item.told_to, 'infinity') then day.item_received_count else 0 end as item_received_count,
  case when day.date_day <= coalesce(item.told_to, 'infinity') then day.item_published_count else 0 end as item_published_count,
  case when day.date_day <= coalesce(item.told_to, 'infinity') then day.photo_published_count else 0 end as photo_published_count,
  case when day.date_day <= coalesce(item.told_to, 'infinity') then day.directive_published_count else 0 end as directive_published_count,
  case when day.date_day <= coalesce(traffic.told_to, 'infinity') then day.visit_count else 0 end as visit_count,
  case when day.date_day <= coalesce(traffic.told_to, 'infinity') then day.page_view_count else 0 end as page_view_count
from {{ of_build(ref('kept_portal_day')) }} as day
-- What is dated later than its source tells has not happened yet.
left join {{ ref('figure_told') }} as item
  on item.metric = 'portal_items_received' and item.agency_code = day.agency_code
left join {{ ref('figure_told') }} as traffic
  on traffic.metric = 'portal_visits' and traffic.agency_code = day.agency_code
where day.date_day <= greatest(coalesce(item.told_to, 'infinity'), coalesce(traffic.told_to, 'infinity'))
