select
  contract.contract,
  contract.system,
  contract.title,
  contract.frequency,
  contract.end_of_life,
  contract.is_full_list,
  contract.is_list_per_unit
from {{ source('ledger', 'build_contract') }} as contract
join {{ ref('stg_ledger__builds') }} as build on build.build_id = contract.build_id and build.is_current
