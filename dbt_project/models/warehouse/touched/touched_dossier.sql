with new_list as (
  -- A list bears on what its unit received from its day on, and on its procedures' names anywhere. Where days begin
  -- earlier than here, that is up to a day earlier.
  select distinct agency_code, procedure_code, list_date
  from {{ ref('stg_one_stop__procedures') }}
  where _is_touched
), unit_list as (
  select agency_code, min(list_date) as list_date from new_list group by agency_code
), procedure_list as (
  select procedure_code, min(list_date) as list_date from new_list group by procedure_code
)

select dossier_key
from {{ ref('union_dossier') }}
where _is_touched

union

select dossier.dossier_key
from {{ ref('union_dossier') }} as dossier
join {{ ref('dim_agency') }} as agency on agency.agency_code = dossier.agency_code
join unit_list on unit_list.agency_code = agency.unit_agency_code
where dossier.received_at >= unit_list.list_date - 1

union

select dossier.dossier_key
from {{ ref('union_dossier') }} as dossier
join procedure_list on procedure_list.procedure_code = dossier.procedure_code
where dossier.received_at >= procedure_list.list_date - 1
