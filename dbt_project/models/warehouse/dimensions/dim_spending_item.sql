select
  {{ hash_key(['spending_item']) }} as spending_item_key,
  spending_item,
  name as spending_item_name
from {{ ref('spending_items') }}
