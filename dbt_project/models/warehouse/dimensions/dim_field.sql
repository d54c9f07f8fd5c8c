select
  field,
  min(name) as field_name
from {{ ref('fields') }}
group by field
