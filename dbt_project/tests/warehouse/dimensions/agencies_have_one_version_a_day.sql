-- A row of a fact takes the agency as it was on its day; a row here is a version that another one overlaps.
select later.agency_code, earlier.valid_from as earlier_from, earlier.valid_to as earlier_to, later.valid_from
from {{ ref('dim_agency') }} as earlier
join {{ ref('dim_agency') }} as later
  on later.agency_code = earlier.agency_code
  and later.valid_from > earlier.valid_from
  and later.valid_from <= coalesce(earlier.valid_to, 'infinity')
