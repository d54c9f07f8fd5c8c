{{ config(indexes=[{'columns': ['procedure_key'], 'unique': true}]) }}
select
  procedure.procedure_key,
  procedure.procedure_code,
  procedure.procedure_name,
  coalesce(procedure.field, '') as field,
  coalesce(field.field_name, {{ unknown_title() }}) as field_name,
  procedure.takes,
  procedure.valid_from,
  procedure.valid_to
from {{ ref('dim_procedure') }} as procedure
left join {{ ref('dim_field') }} as field using (field)
union all
select {{ unknown_key() }}, '', {{ unknown_title() }}, '', {{ unknown_title() }}, null, null, null
