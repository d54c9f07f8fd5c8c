{{ config(
  materialized='fact', unique_key='list_date',
  indexes=[{'columns': ['list_date', '_batch_id', 'staff_key'], 'unique': true}]
) }}
{% call also_touched() %}
  -- A list of mailboxes or computers, come or gone, bears on the lists of staff from its day on.
  select list_date
  from {{ ref('stg_workplace__staff') }}
  where list_date >= (
    select min(list_date)
    from {{ ref('stg_ledger__lists') }}
    where contract in ('workplace.mailboxes', 'workplace.computers') and is_touched
  )
{% endcall %}
with staff as (
  {{ versions(ref('stg_workplace__staff')) }}
), equipped as (
  -- By the newest list of the other kind: where one is late, the one before stands.
  select
    staff._batch_id,
    staff._row_number,
    bool_or(mailbox.status = 'in_use') as has_official_mailbox,
    bool_or(computer.is_networked) as has_networked_computer
  from staff
  left join {{ ref('stg_workplace__mailboxes') }} as mailbox
    on mailbox.staff_key = staff.staff_key
    and mailbox._is_in_force
    and staff.list_date between mailbox.list_date and coalesce(mailbox.listed_to, 'infinity')
  left join {{ ref('stg_workplace__computers') }} as computer
    on computer.staff_key = staff.staff_key
    and computer._is_in_force
    and staff.list_date between computer.list_date and coalesce(computer.listed_to, 'infinity')
  group by staff._batch_id, staff._row_number
)

select
  staff.staff_key,
  staff.system,
  agency.agency_key,
  staff.agency_code,
  staff.list_date,
  staff.listed_to,
  coalesce(equipped.has_official_mailbox, false) as has_official_mailbox,
  coalesce(equipped.has_networked_computer, false) as has_networked_computer,
  staff._batch_id,
  staff._row_number
from staff
join equipped using (_batch_id, _row_number)
{{ join_agency('staff', 'list_date') }}
