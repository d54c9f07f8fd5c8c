with first_list as (
  -- Lists per unit tell of an agency from the first one on that lists something of it.
  select metric.fact, movement.agency_code, min(movement.movement_date) as list_date
  from {{ ref('figure_movement') }} as movement
  join {{ ref('figure_metric') }} as metric on metric.movement = movement.metric
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
  span.covered_from,
  source.delivered_to,
  span.told_to,
  source.as_of,
  source.expected_as_of
from {{ ref('fct_source_freshness') }} as source
join {{ ref('bridge_fact_contract') }} as feeder on feeder.contract = source.contract
join {{ ref('bridge_system_operation') }} as operation on operation.system = source.system
left join first_list
  on source.is_list_per_unit
  and first_list.fact = feeder.fact
  and first_list.agency_code = operation.agency_code
cross join lateral (
  select
    case when source.is_list_per_unit then first_list.list_date else source.covered_from end as covered_from,
    -- A list stands until the next one is due.
    case
      when not source.is_full_list then source.delivered_to
      else greatest(source.delivered_to, least(source.end_of_life, source.business_date, case source.frequency
        when 'm' then (source.delivered_to + interval '1 month')::date - 1
        when 'q' then (source.delivered_to + interval '3 months')::date - 1
        else source.delivered_to
      end))
    end as told_to
) as span
