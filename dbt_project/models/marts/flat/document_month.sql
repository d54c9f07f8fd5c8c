{{ config(materialized='view') }}
{{ months_of(['document', 'incoming_document', 'document_delivery']) }}
