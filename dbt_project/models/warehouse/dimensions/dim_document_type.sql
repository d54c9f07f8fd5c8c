select
  document_type,
  abbreviation,
  name as document_type_name,
  is_copy
from {{ ref('document_types') }}
