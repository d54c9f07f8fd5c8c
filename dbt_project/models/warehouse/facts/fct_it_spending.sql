{{ config(
  materialized='fact', unique_key='fiscal_year',
  indexes=[{'columns': ['fiscal_year', '_batch_id', 'entry_key'], 'unique': true}]
) }}
with counted as (
  -- A unit's newest list of a year is all that was spent in it: what is no longer there was taken back.
  select *
  from (
    {{ versions(ref('stg_misa__spending')) }}
  ) as entry
  where listed_to is null or extract(year from listed_to + 1) > fiscal_year
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
{{ join_agency('counted', 'posted_date') }}
