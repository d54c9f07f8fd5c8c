select distinct document_key
from {{ ref('stg_documents__outgoing') }}
where _is_touched
