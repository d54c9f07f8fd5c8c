select
  procedure_group,
  name as procedure_group_name,
  decided_by
from {{ ref('procedure_groups') }}
