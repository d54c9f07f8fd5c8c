select
  build_id,
  business_date,
  build_id = max(build_id) over () as is_current
from {{ source('ledger', 'build') }}
