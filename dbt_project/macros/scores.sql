{# How many dossiers of an agency count for a metric of QĐ 766/QĐ-TTg, and of how many, as each was at the end of a period's last
   day, or of the last one told of. `period`: period_code, from_date, to_date. #}
{% macro score_counts(period, dossier_stretch) %}
with dossier as (
  select
    period.period_code,
    metric.metric_code,
    metric.formula_version,
    metric.due,
    metric.compare,
    stretch.holding_agency_code,
    stretch.received_date,
    stretch.is_clock_stopped,
    stretch.request_count,
    stretch.requested_date,
    stretch.paused_time,
    stretch.due_at,
    stretch.is_due_all_day,
    stretch.longest_due_date,
    stretch.ended_at,
    stretch.worked_until_date,
    case metric.due when 'original' then stretch.first_due_date else stretch.due_date end as promised_date,
    least(period.to_date, stretch.told_to) as last_date,
    coalesce(stretch.ended_date <= least(period.to_date, stretch.told_to), false) as is_ended
  from {{ period }} as period
  join {{ dossier_stretch }} as stretch
    on stretch.received_date <= period.to_date
    and coalesce(stretch.ended_date, 'infinity') >= period.from_date
    and stretch.told_to >= period.from_date
    and stretch.from_date <= least(period.to_date, stretch.told_to)
    and coalesce(stretch.to_date, 'infinity') >= least(period.to_date, stretch.told_to)
  join {{ ref('dim_scoring_metric') }} as metric
    on metric.counted_from = 'dossiers'
    and {{ valid_on('metric', 'period.to_date') }}
    and (metric.membership = 'open_or_ended' or stretch.received_date >= period.from_date)
), due as (
  -- What was not promised, or can't be, is due when the procedure's longest time runs out.
  select
    dossier.*,
    coalesce(promised_date >= received_date, false) as is_promised,
    case when promised_date >= received_date then promised_date else longest_due_date end as due_day
  from dossier
), judged as (
  -- Waiting ends the work: at the only request, else it is late. Time that was waited is taken off by the clock.
  select
    due.*,
    case
      when due_day is null then null
      when not is_ended and is_clock_stopped then request_count = 1 and requested_date <= due_day
      when not is_ended then (last_date + time '23:59:59' - paused_time)::date <= due_day
      when compare = 'moment' and due = 'current' and is_promised and not is_due_all_day then ended_at - paused_time <= due_at
      else worked_until_date <= due_day
    end as is_on_time
  from due
)

select
  period_code, holding_agency_code as agency_code, metric_code, formula_version,
  count(*) filter (where is_on_time) as numerator,
  count(*) filter (where is_on_time is not null) as denominator,
  count(*) filter (where is_on_time is null) as left_out_count
from judged
group by 1, 2, 3, 4
{% endmacro %}
