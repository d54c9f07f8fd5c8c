select item_type, item_type_name from {{ ref('dim_item_type') }}
union all
-- Also of what is no item: visits of a section.
select '', {{ unknown_title() }}
