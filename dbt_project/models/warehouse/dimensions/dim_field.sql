select
  {{ hash_key(['field']) }} as field_key,
  field,
  min(name) as field_name
from {{ ref('fields') }}
group by field
