with list as (
  -- Of several lists of a unit and day the one that came last counts.
  select
    contract,
    list_unit,
    business_date,
    max(arrival_id) filter (where is_in_force) as arrival_id,
    bool_or(is_touched) as is_touched
  from {{ source('ledger', 'build_input') }}
  group by contract, list_unit, business_date
), ordered as (
  select
    list.*,
    lead(is_touched) over (partition by contract, list_unit order by business_date) as is_next_touched,
    min(business_date) filter (where arrival_id is not null) over (
      partition by contract, list_unit order by business_date rows between 1 following and unbounded following
    ) as next_date
  from list
)

select
  batch.batch_id,
  batch.contract,
  batch.list_unit,
  batch.business_date as list_date,
  ordered.next_date - 1 as listed_to,
  batch.arrival_id,
  coalesce(batch.is_in_force and batch.arrival_id = ordered.arrival_id, false) as is_in_force,
  ordered.is_touched or coalesce(ordered.is_next_touched, false) as is_touched
from {{ source('ledger', 'build_input') }} as batch
join ordered
  on ordered.contract = batch.contract
  and ordered.list_unit = batch.list_unit
  and ordered.business_date = batch.business_date
