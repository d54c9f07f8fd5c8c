{{ config(materialized='entries', unique_key='delivery_key') }}
{{ union_of([
  ref('stg_documents__deliveries'),
  ref('stg_idesk__deliveries'),
  ref('stg_idesk__outgoing_deliveries'),
]) }}
