select
  offering.agency_code,
  offering.procedure_code,
  level.procedure_level,
  offering.is_at_one_stop,
  level.workflow_count,
  greatest(offering.valid_from, procedure.valid_from) as valid_from,
  least(offering.valid_to, procedure.valid_to) as valid_to
from {{ ref('fct_procedure_offering') }} as offering
join {{ ref('dim_procedure') }} as procedure
  on procedure.procedure_code = offering.procedure_code
  and procedure.valid_from <= coalesce(offering.valid_to, 'infinity')
  and coalesce(procedure.valid_to, 'infinity') >= offering.valid_from
left join {{ ref('dim_agency') }} as agency using (agency_key)
left join {{ ref('dim_procedure_group') }} as procedure_group using (procedure_group)
cross join lateral (
  values
    ('province', procedure.is_decided_by_province, procedure.workflows_of_province),
    ('district', procedure.is_decided_by_district, procedure.workflows_of_district),
    ('commune', procedure.is_decided_by_commune, procedure.workflows_of_commune)
) as level (procedure_level, is_decided_by, workflow_count)
where coalesce(
  level.is_decided_by,
  level.procedure_level = coalesce(procedure_group.decided_by, agency.agency_level)
)
