select
  {{ hash_key(['system']) }} as system_key,
  system,
  name as system_name
from {{ ref('systems') }}
