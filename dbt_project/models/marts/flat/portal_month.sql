{{ config(materialized='view') }}
{{ months_of('portal', 'item_type_name') }}
