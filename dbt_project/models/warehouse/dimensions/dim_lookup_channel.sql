select
  {{ hash_key(['lookup_channel']) }} as lookup_channel_key,
  lookup_channel,
  name as lookup_channel_name
from {{ ref('lookup_channels') }}
