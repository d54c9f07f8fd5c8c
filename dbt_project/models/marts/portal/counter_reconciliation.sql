with reading as (
  select
    system, agency_code, counter, counted_on, year_to_date, since_opening,
    lag(counted_on) over previous as read_before_on,
    lag(since_opening) over previous as since_opening_before
  from {{ ref('fct_portal_counter') }}
  window previous as (partition by system, agency_code, counter order by counted_on)
), claim as (
  select
    system, agency_code, counter, counted_on, 'year_to_date' as told_for,
    date_trunc('year', counted_on)::date as from_date, year_to_date as told_count
  from reading
  union all
  select
    system, agency_code, counter, counted_on, 'since_last_reading', read_before_on + 1,
    since_opening - since_opening_before
  from reading
  where read_before_on is not null
), daily as (
  select system, agency_code, 'items' as counter, 'portal_item' as fact, published_date as day, 1::bigint as amount
  from {{ ref('fct_portal_item') }}
  where is_published and item_type <> 'directive'
  union all
  select system, agency_code, 'photos', 'portal_item', published_date, photo_count
  from {{ ref('fct_portal_item') }}
  where is_published and item_type <> 'directive'
  union all
  select system, agency_code, 'visits', 'portal_traffic', visit_date, visit_count
  from {{ ref('fct_portal_traffic') }}
), comparable as (
  -- Only spans of which everything came that the figures are counted from.
  select claim.*
  from claim
  join {{ ref('figure_coverage') }} as coverage
    on coverage.agency_code = claim.agency_code
    and coverage.fact = case claim.counter when 'visits' then 'portal_traffic' else 'portal_item' end
    and coverage.contract like claim.system || '.%'
    and coverage.covered_from <= claim.from_date
    and coverage.as_of >= claim.counted_on
)

select
  comparable.system,
  comparable.agency_code,
  comparable.counter,
  comparable.counted_on,
  comparable.told_for,
  comparable.from_date,
  comparable.told_count,
  coalesce(sum(daily.amount), 0)::bigint as counted_count,
  (comparable.told_count - coalesce(sum(daily.amount), 0))::bigint as difference
from comparable
left join daily
  on daily.system = comparable.system
  and daily.agency_code = comparable.agency_code
  and daily.counter = comparable.counter
  and daily.day between comparable.from_date and comparable.counted_on
group by 1, 2, 3, 4, 5, 6, 7
