select distinct delivery_key
from {{ ref('union_document_delivery') }}
where _is_touched
