select
  date_trunc('month', posted_date)::date as month,
  agency_code,
  spending_item,
  count(*)::bigint as entry_count,
  sum(amount_vnd)::bigint as amount_vnd
from {{ ref('fct_it_spending') }}
group by 1, 2, 3
