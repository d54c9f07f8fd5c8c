{{ config(indexes=[{'columns': ['agency_key'], 'unique': true}, {'columns': ['agency_code']}]) }}
with above as (
  -- The units that a version stands in, as they were on its first day; the nearest is its own.
  select
    agency.agency_key,
    (array_agg(unit.agency_code order by bridge.depth))[1] as unit_agency_code,
    (array_agg(unit.agency_name order by bridge.depth))[1] as unit_name,
    max(unit.agency_code) filter (where unit.agency_level = 'province') as province_code,
    max(unit.agency_name) filter (where unit.agency_level = 'province') as province_name,
    max(unit.agency_code) filter (where unit.agency_level = 'district') as district_code,
    max(unit.agency_name) filter (where unit.agency_level = 'district') as district_name,
    max(unit.agency_code) filter (where unit.agency_level = 'commune') as commune_code,
    max(unit.agency_name) filter (where unit.agency_level = 'commune') as commune_name
  from {{ ref('dim_agency') }} as agency
  join {{ ref('bridge_agency') }} as bridge
    on bridge.agency_code = agency.agency_code
    and agency.valid_from between bridge.valid_from and coalesce(bridge.valid_to, 'infinity')
  join {{ ref('dim_agency') }} as unit
    on unit.agency_code = bridge.scope_agency_code
    and agency.valid_from between unit.valid_from and coalesce(unit.valid_to, 'infinity')
    and unit.is_unit
  group by agency.agency_key
)

select
  agency.agency_key,
  agency.agency_code,
  agency.agency_name,
  agency.short_name,
  agency.agency_level,
  level.title as level_title,
  agency.is_unit,
  above.unit_agency_code,
  above.unit_name,
  above.province_code,
  above.province_name,
  above.district_code,
  above.district_name,
  above.commune_code,
  above.commune_name,
  agency.valid_from,
  agency.valid_to,
  lead(agency.valid_from) over (partition by agency.agency_code order by agency.valid_from) as followed_from
from {{ ref('dim_agency') }} as agency
left join above using (agency_key)
left join {{ ref('dim_code_title') }} as level on level.domain = 'agency_level' and level.code = agency.agency_level
union all
select
  {{ unknown_key() }}, '', {{ unknown_title() }}, {{ unknown_title() }}, 'unknown', {{ unknown_title() }}, false,
  null, {{ unknown_title() }}, null, {{ unknown_title() }}, null, {{ unknown_title() }}, null, {{ unknown_title() }},
  null, null, null
