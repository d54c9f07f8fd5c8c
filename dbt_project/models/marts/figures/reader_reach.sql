{{ config(indexes=[{'columns': ['scope_agency_code', 'agency_code'], 'unique': true}]) }}
with unit as (
  -- The one that an agency belonged to last.
  select distinct on (agency_code) agency_code, unit_agency_code
  from {{ ref('dim_agency') }}
  order by agency_code, valid_from desc
), last_day as (
  select agency_code, max(coalesce(valid_to, 'infinity')) as valid_to
  from {{ ref('dim_agency') }}
  group by agency_code
), below as (
  -- Who is above an agency on its last day, or still is, sees all of its time: what moved is seen by where it moved to.
  select bridge.scope_agency_code, bridge.agency_code
  from {{ ref('bridge_agency') }} as bridge
  join last_day
    on last_day.agency_code = bridge.agency_code and last_day.valid_to = coalesce(bridge.valid_to, 'infinity')
)

select scope_agency_code, agency_code, bool_or(is_own) as is_own
from (
  select below.scope_agency_code, below.agency_code, coalesce(unit.unit_agency_code = below.scope_agency_code, false) as is_own
  from below
  left join unit using (agency_code)
  union all
  -- What a unit was made of or has become, where that is part of no other one.
  select
    restated.scope_agency_code, below.agency_code,
    coalesce(restated.depth = 0 and unit.unit_agency_code = restated.agency_code, false)
  from {{ ref('bridge_agency_restated') }} as restated
  join below on below.scope_agency_code = restated.agency_code
  left join unit on unit.agency_code = below.agency_code
  where restated.mixed_with is null
) as seen
group by scope_agency_code, agency_code
