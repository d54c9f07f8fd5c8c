with offered as (
  {{ list_rows('one_stop.procedures') }}
)

select
  {{ canonical_agency_code('offered.agency_code') }} as agency_code,
  {{ procedure_head('offered.procedure_code') }} as procedure_code,
  offered.procedure_name,
  field.field,
  procedure_group.code as procedure_group,
  scheme.code as service_level_scheme,
  level.code as service_level,
  offered.is_announced_for_post,
  coalesce(offered.is_at_one_stop, true) as is_at_one_stop,
  offered.takes,
  taken.amount as takes_amount,
  taken.unit as takes_unit,
  {% for level in ['province', 'district', 'commune'] -%}
  '{{ level }}' = any(decided.levels) as is_decided_by_{{ level }},
  {% endfor -%}
  offered.legal_basis,
  offered.decided_date,
  offered.published_date,
  offered.has_fee,
  offered.is_eligible_for_full,
  offered.workflows_of_province,
  offered.workflows_of_district,
  offered.workflows_of_commune,
  offered.takes is not null and taken.amount is null
    or offered.competence is not null and decided.levels is null as has_unread_words,
  offered.list_unit,
  offered.list_date,
  offered.listed_to,
  {{ version_columns() }}
from offered
left join {{ ref('fields') }} as field on field.system = 'one_stop' and field.raw_code = offered.field_code
{{ join_takes('offered.takes') }}
{{ join_levels('offered.competence') }}
{{ join_mapping('procedure_group', 'procedure_group', 'one_stop', 'offered.procedure_group') }}
{{ join_mapping('scheme', 'service_level_scheme', 'one_stop', 'offered.online_scheme') }}
{{ join_mapping('level', 'service_level', 'one_stop', 'offered.online_level') }}
