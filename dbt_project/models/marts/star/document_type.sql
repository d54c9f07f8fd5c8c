select document_type, document_type_name, is_copy from {{ ref('dim_document_type') }}
union all
select '', {{ unknown_title() }}, false
