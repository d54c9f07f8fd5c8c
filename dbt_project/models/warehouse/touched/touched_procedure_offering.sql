-- A list of a unit, come or gone, bears on every procedure that the unit ever listed.
select distinct unit_key
from (
  select {{ hash_key(['agency_code']) }} as unit_key, _is_touched
  from {{ ref('stg_one_stop__procedures') }}
) as listed
where _is_touched
