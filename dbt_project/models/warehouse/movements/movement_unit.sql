with unit as (
  -- The same units above the line of their ratio and below it.
  select agency.agency_code, agency.valid_from, agency.valid_to
  from {{ ref('dim_agency') }} as agency
  join {{ ref('dim_metric') }} as metric
    on metric.metric = 'one_stop_units'
    and agency.agency_level = any(string_to_array(metric.unit_levels, ' '))
  where agency.is_unit
)

select
  step.metric,
  step.agency_code,
  null::text as detail,
  step.movement_date,
  step.agency_code as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  step.agency_code as row_code,
  null::bigint as _batch_id,
  null::bigint as _row_number
from (
  select 'one_stop_units' as metric, unit.agency_code, edge.movement_date, edge.amount
  from unit
  cross join lateral (values (valid_from, 1), (valid_to + 1, -1)) as edge (movement_date, amount)
  union all
  -- Whichever vendor's: every system that tells of dossiers is a one-stop desk.
  select 'one_stop_units_with_software', operation.agency_code, edge.movement_date, edge.amount
  from {{ ref('bridge_system_operation') }} as operation
  cross join lateral (values (operated_from, 1), (operated_to + 1, -1)) as edge (movement_date, amount)
  where operation.agency_code in (select agency_code from unit)
    and operation.system in (
      select split_part(contract, '.', 1) from {{ ref('bridge_fact_contract') }} where fact = 'dossier'
    )
) as step
where step.movement_date is not null
