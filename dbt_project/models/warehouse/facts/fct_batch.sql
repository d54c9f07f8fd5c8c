select
  batch.batch_id,
  batch.contract,
  batch.file_name,
  batch.business_date,
  input.batch_id is null as is_held
from {{ ref('stg_ledger__batches') }} as batch
left join {{ ref('stg_ledger__input_batches') }} as input using (batch_id)
cross join {{ ref('stg_ledger__builds') }} as build
where build.is_current and (input.batch_id is not null or batch.is_held and batch.business_date <= build.business_date)
