with period as (
  {{ told_periods("like 'broadcast_%'") }}
), daily as (
  select agency_code, broadcast_date as day, 1 as programmes, minute_count, listen_count, 0 as articles, 0 as articles_broadcast
  from {{ ref('fct_broadcast_programme') }}
  union all
  select agency_code, received_date, 0, 0, 0, 1, is_broadcast::integer
  from {{ ref('fct_broadcast_article') }}
)

select
  period.scheme,
  period.period_code,
  daily.agency_code,
  sum(daily.programmes)::bigint as programme_count,
  sum(daily.minute_count)::bigint as minute_count,
  sum(daily.listen_count)::bigint as listen_count,
  sum(daily.articles)::bigint as article_contributed_count,
  sum(daily.articles_broadcast)::bigint as article_broadcast_count
from period
join daily on daily.day between period.from_date and period.to_date
group by 1, 2, 3
