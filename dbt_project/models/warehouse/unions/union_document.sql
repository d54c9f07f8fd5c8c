{{ config(materialized='entries', unique_key='document_key') }}
{{ union_of([
  ref('stg_documents__outgoing'),
  ref('stg_idesk__outgoing'),
  ref('stg_moffice__outgoing'),
]) }}
