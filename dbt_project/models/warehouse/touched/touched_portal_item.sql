select distinct item_key
from {{ ref('union_portal_item') }}
where _is_touched
