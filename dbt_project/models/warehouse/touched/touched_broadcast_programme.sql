select distinct programme_key
from {{ ref('stg_broadcasting__programmes') }}
where _is_touched
