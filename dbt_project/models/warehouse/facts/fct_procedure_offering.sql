{{ config(
  materialized='fact', unique_key='agency_code',
  indexes=[{'columns': ['offering_key'], 'unique': true}]
) }}
{% call also_touched() %}
  -- A list of a unit, come or gone, bears on every other unit that lists one of its procedures: their versions may begin
  -- on other days now.
  select agency_code
  from {{ ref('stg_one_stop__procedures') }}
  where procedure_code in (select procedure_code from {{ ref('stg_one_stop__procedures') }} where _is_touched)
{% endcall %}
with offered as (
  select distinct on (list_unit, agency_code, procedure_code, list_date) *
  from (
    {{ versions(ref('stg_one_stop__procedures')) }}
  ) as listed
  order by list_unit, agency_code, procedure_code, list_date, {{ newest_first() }}
), compared as (
  -- Lists in a row that say the same about a procedure are one interval.
  select
    offered.*,
    (procedure_group, service_level_scheme, service_level, is_announced_for_post, is_at_one_stop, list_date)
      is distinct from lag((procedure_group, service_level_scheme, service_level, is_announced_for_post, is_at_one_stop, listed_to + 1))
        over (partition by list_unit, agency_code, procedure_code order by list_date)
      as is_first
  from offered
), run as (
  select
    compared.*,
    count(*) filter (where is_first) over (partition by list_unit, agency_code, procedure_code order by list_date) as run_number
  from compared
), interval_of_run as (
  select
    list_unit,
    agency_code,
    procedure_code,
    procedure_group,
    service_level_scheme,
    service_level,
    is_announced_for_post,
    is_at_one_stop,
    min(list_date) as valid_from,
    (array_agg(listed_to order by list_date desc))[1] as valid_to,
    (array_agg(_batch_id order by list_date))[1] as _batch_id,
    (array_agg(_row_number order by list_date))[1] as _row_number
  from run
  group by
    list_unit, agency_code, procedure_code, procedure_group, service_level_scheme, service_level, is_announced_for_post,
    is_at_one_stop, run_number
)

select
  {{ hash_key(['offered_for.list_unit', 'offered_for.agency_code', 'offered_for.procedure_code', 'offered_for.valid_from']) }} as offering_key,
  agency.agency_key,
  offered_for.agency_code,
  procedure.procedure_key,
  offered_for.procedure_code,
  offered_for.procedure_group,
  level.service_level_key,
  offered_for.service_level_scheme,
  offered_for.service_level,
  offered_for.is_announced_for_post,
  offered_for.is_at_one_stop,
  offered_for.valid_from,
  offered_for.valid_to,
  offered_for._batch_id,
  offered_for._row_number
from interval_of_run as offered_for
{{ join_agency('offered_for', 'valid_from') }}
left join {{ ref('dim_procedure') }} as procedure
  on procedure.procedure_code = offered_for.procedure_code
  and offered_for.valid_from between procedure.valid_from and coalesce(procedure.valid_to, 'infinity')
left join {{ ref('dim_service_level') }} as level
  on level.service_level_scheme = offered_for.service_level_scheme
  and level.service_level = offered_for.service_level
