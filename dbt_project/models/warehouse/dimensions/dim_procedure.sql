with listed as (
  -- Units' lists of one day name a procedure alike; should they differ, the first unit's words stand.
  select distinct on (procedure_code, list_date)
    procedure_code, list_date, procedure_name, field
  from {{ ref('stg_one_stop__procedures') }}
  where _is_in_force
  order by procedure_code, list_date, agency_code, {{ newest_first() }}
), compared as (
  select
    listed.*,
    (procedure_name, coalesce(field, ''))
      is distinct from lag((procedure_name, coalesce(field, ''))) over (partition by procedure_code order by list_date)
      as is_change
  from listed
), version as (
  select
    procedure_code,
    procedure_name,
    field,
    list_date as valid_from,
    lead(list_date) over (partition by procedure_code order by list_date) - 1 as valid_to
  from compared
  where is_change
)

select
  {{ hash_key(['procedure_code', 'valid_from']) }} as procedure_key,
  procedure_code,
  procedure_name,
  field,
  valid_from,
  valid_to
from version
