select distinct adjustment_key
from {{ ref('stg_one_stop__adjustments') }}
where _is_touched
