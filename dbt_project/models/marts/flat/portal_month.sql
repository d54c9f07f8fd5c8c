{{ config(materialized='view') }}
{{ months_of(['portal_item', 'portal_traffic'], 'item_type_name') }}
