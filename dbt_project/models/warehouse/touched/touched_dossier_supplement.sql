select distinct supplement_key
from {{ ref('stg_one_stop__supplements') }}
where _is_touched
