select distinct document_key
from {{ ref('union_document') }}
where _is_touched
