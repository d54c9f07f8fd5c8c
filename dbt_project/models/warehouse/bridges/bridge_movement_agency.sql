with source as (
  select contract, system, {{ told_to('freshness') }} as told_to, business_date
  from {{ ref('fct_source_freshness') }} as freshness
), movement as (
  select distinct movement as metric, fact from {{ ref('dim_metric') }} where movement is not null
), told as (
  -- An agency that operates none of the systems any more has nothing that is still to come.
  select feeder.fact, operation.agency_code, max(source.told_to) as told_to
  from source
  join {{ ref('bridge_fact_contract') }} as feeder using (contract)
  join {{ ref('bridge_system_operation') }} as operation
    on operation.system = source.system
    and coalesce(operation.operated_to, 'infinity') >= source.business_date
  group by 1, 2
)

select
  movement.metric,
  agency.agency_code,
  coalesce(told.told_to, build.business_date) as told_to
from movement
cross join (select distinct agency_code from {{ ref('dim_agency') }}) as agency
cross join (select max(business_date) as business_date from source) as build
left join told using (fact, agency_code)
