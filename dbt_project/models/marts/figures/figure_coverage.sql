with first_list as (
  select agency_code, min(valid_from) as list_date
  from {{ ref('fct_procedure_offering') }}
  group by agency_code
)

select
  feeder.fact,
  source.contract,
  operation.agency_code,
  operation.operated_from,
  operation.operated_to,
  source.is_full_list,
  -- Full lists come per unit, deltas for everybody.
  operation.is_unit or not source.is_full_list as is_expected,
  case when source.is_full_list then first_list.list_date else source.covered_from end as covered_from,
  source.delivered_to,
  source.as_of,
  source.expected_as_of
from {{ ref('fct_source_freshness') }} as source
join {{ ref('bridge_fact_contract') }} as feeder on feeder.contract = source.contract
join {{ ref('bridge_system_operation') }} as operation on operation.system = source.system
left join first_list on first_list.agency_code = operation.agency_code
