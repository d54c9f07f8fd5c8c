select distinct lookup_key
from {{ ref('stg_lookups__results') }}
where _is_touched
