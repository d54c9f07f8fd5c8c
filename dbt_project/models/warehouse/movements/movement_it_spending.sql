select
  'it_spending' as metric,
  spending.agency_code,
  spending.spending_item as detail,
  spending.posted_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  spending.amount_vnd::bigint as amount,
  spending.voucher_code as row_code,
  spending._batch_id,
  spending._row_number
from {{ ref('fct_it_spending') }} as spending
where spending.amount_vnd <> 0
