{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='unit_key',
  indexes=[{'columns': ['offering_key'], 'unique': true}]
) }}
{% set touched = ref('touched_procedure_offering') %}
with listed as (
  select *, {{ hash_key(['agency_code']) }} as unit_key
  from {{ ref('stg_one_stop__procedures') }}
  where _is_in_force
), of_units as (
  select * from listed where true {{ only_touched('unit_key', touched) }}
), unit_list as (
  -- The newest list of a unit for a day is its list of that day.
  select
    agency_code,
    list_date,
    max(_arrival_id) as _arrival_id,
    row_number() over (partition by agency_code order by list_date) as list_number,
    lead(list_date) over (partition by agency_code order by list_date) as next_list_date
  from of_units
  group by agency_code, list_date
), offered as (
  select distinct on (agency_code, procedure_code, list_number)
    of_units.*, unit_list.list_number, unit_list.next_list_date
  from of_units
  join unit_list using (agency_code, list_date, _arrival_id)
  order by agency_code, procedure_code, list_number, {{ newest_first() }}
), run as (
  -- Lists in a row that say the same about a procedure are one interval.
  select
    offered.*,
    list_number - row_number() over (
      partition by
        agency_code, procedure_code, procedure_group, service_level_scheme, service_level, is_announced_for_post
      order by list_number
    ) as run_number
  from offered
), interval_of_run as (
  select
    unit_key,
    agency_code,
    procedure_code,
    procedure_group,
    service_level_scheme,
    service_level,
    is_announced_for_post,
    min(list_date) as valid_from,
    (array_agg(next_list_date order by list_number desc))[1] - 1 as valid_to,
    (array_agg(_batch_id order by list_number))[1] as _batch_id,
    (array_agg(_row_number order by list_number))[1] as _row_number
  from run
  group by
    unit_key, agency_code, procedure_code, procedure_group, service_level_scheme, service_level,
    is_announced_for_post, run_number
)

select
  {{ hash_key(['offered_for.agency_code', 'offered_for.procedure_code', 'offered_for.valid_from']) }} as offering_key,
  offered_for.unit_key,
  agency.agency_key,
  offered_for.agency_code,
  procedure.procedure_key,
  offered_for.procedure_code,
  offered_for.procedure_group,
  level.service_level_key,
  offered_for.service_level_scheme,
  offered_for.service_level,
  offered_for.is_announced_for_post,
  offered_for.valid_from,
  offered_for.valid_to,
  offered_for._batch_id,
  offered_for._row_number
from interval_of_run as offered_for
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = offered_for.agency_code
  and offered_for.valid_from between agency.valid_from and coalesce(agency.valid_to, 'infinity')
left join {{ ref('dim_procedure') }} as procedure
  on procedure.procedure_code = offered_for.procedure_code
  and offered_for.valid_from between procedure.valid_from and coalesce(procedure.valid_to, 'infinity')
left join {{ ref('dim_service_level') }} as level
  on level.service_level_scheme = offered_for.service_level_scheme
  and level.service_level = offered_for.service_level
