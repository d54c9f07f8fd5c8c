with untold as (
  -- What had happened at a month's end and was told only after it.
  select
    month.scheme,
    month.period_code,
    month.to_date as month_end,
    dossier_key,
    max(what.told_date) as changed_date,
    max(what.told_date) filter (where what.is_end) as end_told_date,
    min(what.happened_date) filter (where not what.is_end) as requested_date,
    max(what.told_date) filter (where not what.is_end) as request_told_date,
    (array_agg(what.batch_id order by what.told_date desc, what.is_end desc))[1] as batch_id,
    (array_agg(what.row_number order by what.told_date desc, what.is_end desc))[1] as row_number
  from (
    select
      dossier_key, true as is_end, ended_date as happened_date, end_told_date as told_date,
      end_batch_id as batch_id, end_row_number as row_number
    from {{ ref('fct_dossier_history') }}
    where to_date is null
    union all
    select dossier_key, false, requested_date, told_date, _batch_id, _row_number
    from {{ ref('fct_dossier_request') }}
  ) as what
  join {{ ref('dim_period') }} as month
    on month.period_kind = 'month' and month.to_date >= what.happened_date and month.to_date < what.told_date
  where what.happened_date < what.told_date -- most are told on their day: they meet no month
  group by month.scheme, month.period_code, month.to_date, what.dossier_key
), known as (
  -- Its stretch at the month's end, by all that is told now.
  select
    untold.scheme,
    untold.period_code,
    untold.month_end,
    untold.changed_date,
    untold.end_told_date,
    untold.requested_date as untold_requested_date,
    untold.request_told_date,
    untold.batch_id,
    untold.row_number,
    history.dossier_key,
    history.system,
    history.agency_code,
    history.from_date,
    history.is_waiting,
    history.due_moves,
    history.due_at,
    history.due_date,
    history.is_due_all_day,
    history.paused_due_date,
    history.first_due_date,
    history.paused_first_due_date,
    history.received_date,
    history.ended_at,
    case when history.ended_date <= untold.month_end then history.ended_date end as ended_date,
    case when history.ended_date <= untold.month_end then history.end_kind end as end_kind,
    case when history.ended_date_before <= untold.month_end then history.ended_date_before end as ended_date_before
  from untold
  join {{ ref('fct_dossier_history') }} as history
    on history.dossier_key = untold.dossier_key
    and untold.month_end between history.from_date and coalesce(history.to_date, 'infinity')
), told_end as (
  select
    known.*,
    case when end_told_date is null then ended_date else ended_date_before end as told_ended_date,
    case when end_told_date is null then end_kind when ended_date_before is not null then 'resolved' end as told_end_kind
  from known
), told_pause as (
  -- The same by what had been told until then. Where no request is among it, the stretch's waiting is that of a status.
  select
    told_end.*,
    case when untold_requested_date is null then is_waiting else coalesce(request.is_open, false) end as told_is_waiting,
    case when untold_requested_date is not null then coalesce(pause.days, 0) end as told_pause_days
  from told_end
  left join lateral (
    select
      bool_or(coalesce(answered_date, 'infinity') > month_end) as is_open,
      range_agg(daterange(greatest(requested_date, told_end.received_date), answered_date)) filter (
        where greatest(requested_date, told_end.received_date) < answered_date
          and answered_date <= coalesce(told_ended_date, month_end)
      ) as spans
    from {{ ref('fct_dossier_request') }} as request
    where request.dossier_key = told_end.dossier_key
      and request.requested_date <= month_end
      and request.told_date <= month_end
  ) as request on true
  left join lateral (
    select sum(last_day.working_day_number - first_day.working_day_number) as days
    from unnest(request.spans) as part (span)
    join {{ ref('dim_date') }} as first_day on first_day.date_day = lower(part.span)
    join {{ ref('dim_date') }} as last_day on last_day.date_day = upper(part.span)
  ) as pause on true
), told as (
  select
    scheme, period_code, month_end, dossier_key, from_date, due_moves, due_at, due_date, is_due_all_day, first_due_date,
    received_date, ended_at,
    told_is_waiting as is_waiting,
    told_ended_date as ended_date,
    told_end_kind as end_kind,
    case when told_pause_days is null then paused_due_date else {{ working_days_after('due_date', 'told_pause_days') }} end
      as paused_due_date,
    case when told_pause_days is null then paused_first_due_date
      else {{ working_days_after('first_due_date', 'told_pause_days') }} end
      as paused_first_due_date
  from told_pause
), told_judged as (
  {{ judged_stretches('told', ref('dim_parameter_set'), "rules.parameter_set = 'default'") }}
), known_judged as (
  {{ judged_stretches('known', ref('dim_parameter_set'), "rules.parameter_set = 'default'") }}
), compared as (
  select
    known_judged.*,
    case
      when told_judged.ended_date is null then
        case when told_judged.overdue_from <= told_judged.month_end then 'overdue' end
      when told_judged.verdict = 'late' then 'late'
    end as told_verdict,
    case
      when known_judged.ended_date is not null then known_judged.verdict
      when coalesce(known_judged.overdue_from, 'infinity') > known_judged.month_end then 'within_deadline'
    end as known_verdict
  from known_judged
  join told_judged using (dossier_key, scheme, month_end)
)

select
  compared.scheme,
  compared.period_code,
  compared.agency_code,
  dossier.field,
  compared.system,
  dossier.dossier_code,
  compared.month_end as told_date,
  compared.told_verdict,
  compared.ended_date_before,
  compared.changed_date,
  compared.ended_date,
  compared.untold_requested_date as requested_date,
  compared.known_verdict as verdict,
  compared.due_day as due_date,
  coalesce(end_told_day.working_day_number - ended_day.working_day_number > 1, false) as is_end_back_dated,
  compared.end_told_date is not null and compared.ended_date is not distinct from compared.due_day as is_end_on_due_date,
  coalesce(request_told_day.working_day_number - requested_day.working_day_number > 1, false) as is_request_back_dated,
  compared.batch_id,
  compared.row_number
from compared
join {{ ref('fct_dossier') }} as dossier using (dossier_key)
left join {{ ref('dim_date') }} as end_told_day on end_told_day.date_day = compared.end_told_date
left join {{ ref('dim_date') }} as ended_day on ended_day.date_day = compared.ended_date
left join {{ ref('dim_date') }} as request_told_day on request_told_day.date_day = compared.request_told_date
left join {{ ref('dim_date') }} as requested_day on requested_day.date_day = compared.untold_requested_date
where compared.told_verdict is not null
  and compared.known_verdict in ('early', 'on_time', 'within_deadline')
