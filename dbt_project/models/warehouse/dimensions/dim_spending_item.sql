select
  spending_item,
  name as spending_item_name
from {{ ref('spending_items') }}
