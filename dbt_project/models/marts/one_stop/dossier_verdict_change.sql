with judged as (
  {{ judged_stretches(
    ref('fct_dossier_history'),
    ref('dim_parameter_set'),
    "rules.parameter_set = 'default' and stretch.to_date is null and stretch.ended_date < stretch.end_told_date"
  ) }}
), told as (
  -- At a period's end between its end and the day that this was told, the dossier looked otherwise.
  select
    period.scheme,
    period.period_code,
    period.to_date as told_date,
    case
      when judged.ended_date_before <= period.to_date then
        case when judged.ended_date_before > judged.due_day then 'late' end
      when judged.overdue_from <= period.to_date then 'overdue'
    end as told_verdict,
    judged.*
  from judged
  join {{ ref('dim_period') }} as period
    on period.period_kind = 'month' and period.to_date >= judged.ended_date and period.to_date < judged.end_told_date
  where judged.verdict in ('early', 'on_time')
)

select
  told.scheme,
  told.period_code,
  told.agency_code,
  dossier.field,
  told.system,
  dossier.dossier_code,
  told.told_date,
  told.told_verdict,
  told.ended_date_before,
  told.end_told_date as changed_date,
  told.ended_date,
  told.verdict,
  told.due_day as due_date,
  changed_day.working_day_number - ended_day.working_day_number > 1 as is_end_back_dated,
  told.ended_date = told.due_day as is_end_on_due_date,
  told.end_batch_id as batch_id,
  told.end_row_number as row_number
from told
join {{ ref('fct_dossier') }} as dossier using (dossier_key)
left join {{ ref('dim_date') }} as changed_day on changed_day.date_day = told.end_told_date
left join {{ ref('dim_date') }} as ended_day on ended_day.date_day = told.ended_date
where told.told_verdict is not null
