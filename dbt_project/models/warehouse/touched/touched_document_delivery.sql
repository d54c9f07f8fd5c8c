select distinct delivery_key
from {{ ref('stg_documents__deliveries') }}
where _is_touched
