select field, field_name from {{ ref('dim_field') }}
union all
select '', {{ unknown_title() }}
