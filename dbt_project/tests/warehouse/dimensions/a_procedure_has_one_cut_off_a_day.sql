-- A row here is a cut-off that another one of the same procedure, or of everybody, overlaps, or one without a time.
select one.procedure_code, one.cut_off_at, one.valid_from, other.cut_off_at as other_cut_off_at
from (select *, row_number() over () as row_number from {{ ref('cut_offs') }}) as one
left join (select *, row_number() over () as row_number from {{ ref('cut_offs') }}) as other
  on other.procedure_code is not distinct from one.procedure_code
  and other.row_number > one.row_number
  and daterange(one.valid_from, one.valid_to, '[]') && daterange(other.valid_from, other.valid_to, '[]')
where other.row_number is not null or one.cut_off_at is null
