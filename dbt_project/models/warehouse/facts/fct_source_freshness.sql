with current_build as (
  select build_id, business_date from {{ ref('stg_ledger__builds') }} where is_current
), delivered as (
  select
    batch.contract,
    -- A list tells of its day, changes of a month of all its days, and a dump of what it says.
    min(coalesce(
      batch.covers_from,
      case when contract.frequency = 'm' and not contract.is_full_list then date_trunc('month', batch.business_date)::date end,
      batch.business_date
    )) as first_date,
    max(batch.business_date) as last_date
  from {{ ref('stg_ledger__input_batches') }} as batch
  join {{ ref('stg_ledger__contracts') }} as contract on contract.contract = batch.contract
  group by batch.contract
)

select
  contract.contract,
  contract.system,
  contract.title,
  contract.frequency,
  contract.end_of_life,
  contract.is_full_list,
  contract.is_list_per_unit,
  current_build.business_date,
  delivered.first_date as covered_from,
  delivered.last_date as delivered_to,
  source.as_of,
  source.expected_as_of,
  coalesce(source.state, 'not_delivered') as state,
  source.stale_since,
  source.reason_code,
  coalesce(source.rows_in_file, 0) as rows_in_file,
  coalesce(source.rows_loaded, 0) as rows_loaded,
  coalesce(source.rows_rejected, 0) as rows_rejected,
  coalesce(source.rows_skipped, 0) as rows_skipped
from {{ ref('stg_ledger__contracts') }} as contract
cross join current_build
left join {{ ref('stg_ledger__build_sources') }} as source
  on source.contract = contract.contract and source.build_id = current_build.build_id
left join delivered on delivered.contract = contract.contract
