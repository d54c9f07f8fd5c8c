select
  system,
  status,
  stops
from {{ ref('pausing_statuses') }}
