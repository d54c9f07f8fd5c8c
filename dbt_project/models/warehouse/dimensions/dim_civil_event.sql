select
  {{ hash_key(['civil_event']) }} as civil_event_key,
  civil_event,
  name as civil_event_name
from {{ ref('civil_events') }}
