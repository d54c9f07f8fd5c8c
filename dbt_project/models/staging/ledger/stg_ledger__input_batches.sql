select
  batch_id,
  contract,
  business_date,
  covers_from
from {{ source('ledger', 'build_input') }}
where is_in_force
