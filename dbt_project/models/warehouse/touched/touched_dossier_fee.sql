select distinct fee_key
from {{ ref('stg_one_stop__fees') }}
where _is_touched
