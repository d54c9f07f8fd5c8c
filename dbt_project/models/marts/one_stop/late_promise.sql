select
  dossier.agency_code,
  dossier.field,
  dossier.system,
  dossier.dossier_code,
  dossier.procedure_code,
  procedure.takes,
  dossier.received_date,
  dossier.first_due_date as promised_date,
  latest.date_day as latest_date,
  promised.working_day_number - latest.working_day_number as working_days_beyond,
  dossier.is_latest_due_provisional as is_provisional
from {{ ref('fct_dossier') }} as dossier
join {{ ref('dim_procedure') }} as procedure using (procedure_key)
join {{ ref('dim_date') }} as latest
  on latest.date_day = ({{ office_time('dossier.latest_due_at') }})::date
join {{ ref('dim_date') }} as promised on promised.date_day = dossier.first_due_date
where dossier.first_due_date > latest.date_day
