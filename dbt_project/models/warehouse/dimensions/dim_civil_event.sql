select
  civil_event,
  name as civil_event_name
from {{ ref('civil_events') }}
