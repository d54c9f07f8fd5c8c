select distinct incoming_key
from {{ ref('union_incoming_document') }}
where _is_touched
