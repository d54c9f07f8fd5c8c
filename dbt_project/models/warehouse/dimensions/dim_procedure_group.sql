select
  procedure_group,
  name as procedure_group_name
from {{ ref('procedure_groups') }}
