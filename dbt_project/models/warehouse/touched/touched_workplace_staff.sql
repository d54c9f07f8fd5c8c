-- A list of mailboxes or computers, come or gone, bears on the lists of staff from its day on.
with equipment as (
  select min(list_date) as list_date
  from (
    select list_date from {{ ref('stg_workplace__mailboxes') }} where _is_touched
    union all
    select list_date from {{ ref('stg_workplace__computers') }} where _is_touched
  ) as touched_list
)

{{ touched_lists(ref('stg_workplace__staff')) }}

union

select staff.list_date
from {{ ref('stg_workplace__staff') }} as staff
join equipment on equipment.list_date <= staff.list_date
