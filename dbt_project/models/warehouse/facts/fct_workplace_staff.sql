{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='list_date',
  indexes=[{'columns': ['list_date', 'staff_key'], 'unique': true}]
) }}
{% set touched = ref('touched_workplace_staff') %}
with staff as (
  {{ rows_of_lists(ref('stg_workplace__staff'), 'staff_key', touched) }}
), mailbox as (
  select staff_key, list_date, listed_to, bool_or(status = 'in_use') as is_in_use
  from (
    {{ rows_of_lists(ref('stg_workplace__mailboxes'), 'mailbox_key') }}
  ) as listed
  group by staff_key, list_date, listed_to
), computer as (
  select staff_key, list_date, listed_to, bool_or(is_networked) as is_networked
  from (
    {{ rows_of_lists(ref('stg_workplace__computers'), 'computer_key') }}
  ) as listed
  group by staff_key, list_date, listed_to
)

select
  staff.staff_key,
  staff.system,
  agency.agency_key,
  staff.agency_code,
  staff.list_date,
  staff.listed_to,
  coalesce(mailbox.is_in_use, false) as has_official_mailbox,
  coalesce(computer.is_networked, false) as has_networked_computer,
  staff._batch_id,
  staff._row_number
from staff
-- By the newest list of the other kind: where one is late, the one before stands.
left join mailbox
  on mailbox.staff_key = staff.staff_key
  and staff.list_date between mailbox.list_date and coalesce(mailbox.listed_to, 'infinity')
left join computer
  on computer.staff_key = staff.staff_key
  and staff.list_date between computer.list_date and coalesce(computer.listed_to, 'infinity')
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = staff.agency_code
  and staff.list_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
