select distinct item_key
from {{ ref('stg_portal__items') }}
where _is_touched
