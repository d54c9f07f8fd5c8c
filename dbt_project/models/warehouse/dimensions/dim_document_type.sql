select
  document_type,
  abbreviation,
  name as document_type_name
from {{ ref('document_types') }}
