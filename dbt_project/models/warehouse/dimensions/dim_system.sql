select
  {{ hash_key(['system']) }} as system_key,
  system,
  name as system_name,
  time_zone
from {{ ref('systems') }}
