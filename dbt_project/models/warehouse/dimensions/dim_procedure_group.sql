select
  {{ hash_key(['procedure_group']) }} as procedure_group_key,
  procedure_group,
  name as procedure_group_name
from {{ ref('procedure_groups') }}
