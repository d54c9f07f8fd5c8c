select distinct handover_key
from {{ ref('stg_post__handovers') }}
where _is_touched
