{{ config(materialized='view') }}
{{ months_of('dossier', 'field_name') }}
