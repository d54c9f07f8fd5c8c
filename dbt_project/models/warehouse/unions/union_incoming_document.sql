{{ config(materialized='entries', unique_key='incoming_key') }}
{{ union_of([
  ref('stg_idesk__incoming'),
  ref('stg_moffice__incoming'),
]) }}
