-- A list of a unit, come or gone, bears on every procedure that the unit ever listed, and on every other unit that lists
-- one of its procedures: their versions may begin on other days now.
with listed as (
  select {{ hash_key(['agency_code']) }} as unit_key, procedure_code, _is_touched
  from {{ ref('stg_one_stop__procedures') }}
)

select distinct unit_key
from listed
where _is_touched or procedure_code in (select procedure_code from listed where _is_touched)
