{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='list_date',
  indexes=[{'columns': ['list_date', 'certificate_key'], 'unique': true}]
) }}
{% set touched = ref('touched_digital_certificate') %}
with listed as (
  {{ rows_of_lists(ref('stg_certificates__register'), 'certificate_key', touched) }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = counted.agency_code
  and counted.list_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
