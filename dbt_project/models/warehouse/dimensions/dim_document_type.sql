select
  {{ hash_key(['document_type']) }} as document_type_key,
  document_type,
  abbreviation,
  name as document_type_name
from {{ ref('document_types') }}
