select
  system,
  status
from {{ ref('pausing_statuses') }}
