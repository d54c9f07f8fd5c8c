select
  item_type,
  name as item_type_name
from {{ ref('item_types') }}
