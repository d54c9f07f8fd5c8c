{# How dossiers are judged: each stretch of their history by each set of parameters, with what the stretch tells and
     due_day: the day that it is due by this set; empty without a due date, and for one from before the reception, which
       can't be. Time stands still while the applicant is waited for, unless the desk's software moves the date itself.
     overdue_from: the first day at whose end it is overdue if it is still pending then; empty: never
     verdict: of its end, whenever that is: early, on_time, late, or excluded from everything; empty while it is pending
   `stretches` has the columns of fct_dossier_history, `rules` those of dim_parameter_set; `which` is a condition on both, as
   `stretch` and `rules`. Rules of TT 01/2020/TT-VPCP; what it leaves open is a parameter. #}
{% macro judged_stretches(stretches, rules, which) -%}
  select
    due.*,
    case when due.due_day is not null and not (due.is_waiting and due.waiting <> 'by_due') then
      greatest(due.due_day + case due.due_on_last_day when 'within' then 1 else 0 end, due.from_date)
    end as overdue_from,
    case
      when due.end_kind is null then null
      when due.end_kind <> 'resolved' and due.ended = 'excluded' then 'excluded'
      when due.end_kind <> 'resolved' and due.ended = 'on_time' or due.due_day is null then 'on_time'
      when due.ended_date > due.due_day then 'late'
      when due.ended_date < due.due_day then 'early'
      when due.compare = 'moment' and due.due = 'current' and not due.is_due_all_day
        and due.ended_at > due.due_at + (due.due_day - due.due_date) * interval '1 day' then 'late'
      else 'on_time'
    end as verdict
  from (
    select
      promised.*,
      case when promised.promised_date >= promised.received_date then promised.promised_date end as due_day
    from (
      select
        stretch.*,
        rules.parameter_set,
        rules.compare,
        rules.due,
        rules.due_on_last_day,
        rules.waiting,
        rules.ended,
        rules.counted_agency,
        case
          when rules.pause = 'apply' and stretch.due_moves is distinct from 'yes' then
            case rules.due when 'original' then stretch.paused_first_due_date else stretch.paused_due_date end
          else
            case rules.due when 'original' then stretch.first_due_date else stretch.due_date end
        end as promised_date
      from {{ stretches }} as stretch
      cross join {{ rules }} as rules
      where {{ which }}
    ) as promised
  ) as due
{%- endmacro %}
