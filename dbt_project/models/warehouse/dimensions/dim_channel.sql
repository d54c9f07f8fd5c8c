select
  channel,
  name as channel_name
from {{ ref('channels') }}
