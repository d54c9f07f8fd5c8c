select distinct article_key
from {{ ref('stg_broadcasting__articles') }}
where _is_touched
