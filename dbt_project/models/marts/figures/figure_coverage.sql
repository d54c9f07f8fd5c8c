with first_list as (
  -- Lists per unit tell of an agency from the first one on that lists something of it.
  select metric.fact, movement.agency_code, min(movement.movement_date) as list_date
  from {{ ref('figure_movement') }} as movement
  join {{ ref('figure_metric') }} as metric on metric.movement = movement.metric
  where metric.fact in (
    select feeder.fact
    from {{ ref('fct_source_freshness') }} as source
    join {{ ref('bridge_fact_contract') }} as feeder using (contract)
    where source.is_list_per_unit
  )
  group by 1, 2
)

select
  feeder.fact,
  source.contract,
  operation.agency_code,
  operation.operated_from,
  operation.operated_to,
  source.frequency,
  source.end_of_life,
  source.is_full_list,
  source.frequency is not null and (operation.is_unit or not source.is_list_per_unit) as is_expected,
  case when source.is_list_per_unit then first_list.list_date else source.covered_from end as covered_from,
  source.delivered_to,
  {{ told_to('source') }} as told_to,
  source.as_of,
  source.expected_as_of,
  source.business_date
from {{ ref('fct_source_freshness') }} as source
join {{ ref('bridge_fact_contract') }} as feeder on feeder.contract = source.contract
join {{ ref('bridge_system_operation') }} as operation on operation.system = source.system
left join first_list
  on source.is_list_per_unit
  and first_list.fact = feeder.fact
  and first_list.agency_code = operation.agency_code
