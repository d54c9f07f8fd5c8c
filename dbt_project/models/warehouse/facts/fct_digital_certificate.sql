{{ config(
  materialized='fact', unique_key='list_date',
  indexes=[{'columns': ['list_date', '_batch_id', 'certificate_key'], 'unique': true}]
) }}
with listed as (
  {{ versions(ref('stg_certificates__register')) }}
), counted as (
  select
    *,
    greatest(list_date, issued_date) as first_day,
    least(listed_to, expiry_date) as last_day
  from listed
)

select
  counted.certificate_key,
  counted.certificate_code,
  counted.system,
  agency.agency_key,
  counted.agency_code,
  counted.holder_kind,
  counted.issuer,
  counted.issued_date,
  counted.expiry_date,
  counted.status,
  counted.list_date,
  counted.listed_to,
  counted.status = 'active' and counted.first_day <= counted.last_day as is_valid,
  case when counted.status = 'active' and counted.first_day <= counted.last_day then counted.first_day end as valid_from,
  case when counted.status = 'active' and counted.first_day <= counted.last_day then counted.last_day end as valid_to,
  counted._batch_id,
  counted._row_number
from counted
{{ join_agency('counted', 'list_date') }}
