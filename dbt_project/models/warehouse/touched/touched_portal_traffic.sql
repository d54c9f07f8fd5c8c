select distinct traffic_key
from {{ ref('stg_portal__traffic') }}
where _is_touched
