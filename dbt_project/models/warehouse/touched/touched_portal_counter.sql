select distinct counter_key
from {{ ref('union_portal_counter') }}
where _is_touched
