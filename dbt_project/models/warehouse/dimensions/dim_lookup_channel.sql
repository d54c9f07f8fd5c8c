select
  lookup_channel,
  name as lookup_channel_name
from {{ ref('lookup_channels') }}
