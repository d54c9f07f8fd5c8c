{# How dossiers are judged: each stretch of their history by each set of parameters, with what the stretch tells and
     due_day: the day that it is due by this set; empty without a due date, and for one from before the reception, which
       can't be. Time stands still while the applicant is waited for, unless the desk's software moves the date itself.
     overdue_from: the first day at whose end it is overdue if it is still pending then; empty: never
     verdict: of its end, whenever that is: early, on_time, late, or excluded from everything; empty while it is pending
   `stretches` has the columns of fct_dossier_history, `rules` those of dim_parameter_set. Rules of TT 01/2020/TT-VPCP;
   what it leaves open is a parameter. #}
{% macro judged_stretches(stretches, rules) -%}
  select
    stretch.*,
    rules.parameter_set,
    rules.waiting,
    rules.counted_agency,
    due.due_day,
    case when due.due_day is not null and not (stretch.is_waiting and rules.waiting <> 'by_due') then
      greatest(due.due_day + case rules.due_on_last_day when 'within' then 1 else 0 end, stretch.from_date)
    end as overdue_from,
    case
      when stretch.end_kind is null then null
      when stretch.end_kind <> 'resolved' and rules.ended = 'excluded' then 'excluded'
      when stretch.end_kind <> 'resolved' and rules.ended = 'on_time' or due.due_day is null then 'on_time'
      when stretch.ended_date > due.due_day then 'late'
      when stretch.ended_date < due.due_day then 'early'
      when rules.compare = 'moment' and rules.due = 'current' and not stretch.is_due_all_day
        and stretch.ended_at > stretch.due_at + (due.due_day - stretch.due_date) * interval '1 day' then 'late'
      else 'on_time'
    end as verdict
  from {{ stretches }} as stretch
  cross join {{ rules }} as rules
  cross join lateral (
    select case
      when rules.pause = 'apply' and stretch.due_moves is distinct from 'yes' then
        case rules.due when 'original' then stretch.paused_first_due_date else stretch.paused_due_date end
      else
        case rules.due when 'original' then stretch.first_due_date else stretch.due_date end
    end as due_date
  ) as promised
  cross join lateral (
    select case when promised.due_date >= stretch.received_date then promised.due_date end as due_day
  ) as due
{%- endmacro %}
