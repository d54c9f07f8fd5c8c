select
  system,
  name as system_name,
  time_zone
from {{ ref('systems') }}
