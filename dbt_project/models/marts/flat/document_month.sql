{{ config(materialized='view') }}
{{ months_of('document') }}
