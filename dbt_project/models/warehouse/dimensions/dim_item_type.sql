select
  {{ hash_key(['item_type']) }} as item_type_key,
  item_type,
  name as item_type_name
from {{ ref('item_types') }}
