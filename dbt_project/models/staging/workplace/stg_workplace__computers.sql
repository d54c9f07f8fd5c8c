select
  {{ hash_key(["'workplace'", 'computer.staff_hash']) }} as staff_key,
  computer.is_networked,
  computer.list_unit,
  computer.list_date,
  computer.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('workplace.computers') }}
) as computer
