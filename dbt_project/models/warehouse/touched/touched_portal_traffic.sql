select distinct traffic_key
from {{ ref('union_portal_traffic') }}
where _is_touched
