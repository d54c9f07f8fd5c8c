{{ config(indexes=[{'columns': ['batch_id'], 'unique': true}]) }}
select
  batch_id,
  contract,
  file_name,
  business_date,
  is_held
from {{ ref('fct_batch') }}
