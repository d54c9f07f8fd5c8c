select field as detail, field_name as title from {{ ref('dim_field') }}
union all
-- A field and a group of procedures may share their name: the field's title stands.
select procedure_group, procedure_group_name from {{ ref('dim_procedure_group') }}
where procedure_group not in (select field from {{ ref('dim_field') }})
union all
select item_type, item_type_name from {{ ref('dim_item_type') }}
union all
select spending_item, spending_item_name from {{ ref('dim_spending_item') }}
union all
select civil_event, civil_event_name from {{ ref('dim_civil_event') }}
union all
select lookup_channel, lookup_channel_name from {{ ref('dim_lookup_channel') }}
