{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='fiscal_year',
  indexes=[{'columns': ['fiscal_year', 'entry_key'], 'unique': true}]
) }}
{% set touched = ref('touched_it_spending') %}
with entry as (
  select * from {{ ref('stg_misa__spending') }} where _is_in_force {{ only_touched('fiscal_year', touched) }}
), newest_list as (
  -- The newest list of a year is all that was spent in it: what is no longer there was taken back.
  select distinct on (fiscal_year) fiscal_year, _arrival_id
  from entry
  order by fiscal_year, {{ newest_first() }}
), counted as (
  select distinct on (entry.entry_key, entry.fiscal_year) entry.*
  from entry
  join newest_list on newest_list.fiscal_year = entry.fiscal_year and newest_list._arrival_id = entry._arrival_id
  order by entry.entry_key, entry.fiscal_year, entry._row_number
)

select
  counted.entry_key,
  counted.fiscal_year,
  counted.system,
  agency.agency_key,
  counted.agency_code,
  counted.voucher_code,
  counted.spending_item,
  counted.posted_date,
  counted.amount_vnd,
  counted._batch_id,
  counted._row_number
from counted
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = counted.agency_code
  and counted.posted_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
