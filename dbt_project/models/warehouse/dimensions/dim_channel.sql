select
  {{ hash_key(['channel']) }} as channel_key,
  channel,
  name as channel_name
from {{ ref('channels') }}
