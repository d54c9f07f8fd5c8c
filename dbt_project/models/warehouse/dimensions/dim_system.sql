select
  system,
  name as system_name,
  time_zone,
  due_moves
from {{ ref('systems') }}
