{# Form II.06 (TT 01/2020/TT-VPCP) before it is printed: how many dossiers of an agency and field stand in which column of
   it, by each set of parameters, at the end of each period. Everything is read as it was at the end of the period's last
   day, or of the last day that the dossier's system has told of.
     period: scheme, period_code, from_date, to_date
     judged: what `judged_stretches` gives, of dossier_stretch #}
{% macro settled_rows(period, judged) %}
  select
    period.scheme,
    period.period_code,
    dossier.parameter_set,
    dossier.agency_code,
    dossier.field,
    count(*) filter (where is_new and dossier.is_received_online) as received_online_count,
    count(*) filter (where is_new and not dossier.is_received_online) as received_direct_or_post_count,
    count(*) filter (where not is_new) as carried_over_count,
    count(*) filter (where is_ended and dossier.verdict = 'early') as resolved_early_count,
    count(*) filter (where is_ended and dossier.verdict = 'on_time' or counts_as_resolved) as resolved_on_time_count,
    count(*) filter (where is_ended and dossier.verdict = 'late') as resolved_late_count,
    count(*) filter (where is_ended and dossier.end_kind <> 'resolved') as ended_without_result_count,
    count(*) filter (where is_pending and not is_overdue) as pending_within_deadline_count,
    count(*) filter (where is_pending and is_overdue) as pending_overdue_count
  from {{ period }} as period
  join (
    select
      judged.*,
      case counted_agency when 'receiving' then judged.receiving_agency_code else judged.holding_agency_code end as agency_code
    from {{ judged }} as judged
  ) as dossier
    on dossier.received_date <= period.to_date
    and coalesce(dossier.ended_date, 'infinity') >= period.from_date
    and dossier.from_date <= least(period.to_date, dossier.told_to)
    and coalesce(dossier.to_date, 'infinity') >= least(period.to_date, dossier.told_to)
    and dossier.told_to >= period.from_date
  cross join lateral (
    select
      dossier.received_date >= period.from_date as is_new,
      coalesce(dossier.ended_date <= least(period.to_date, dossier.told_to), false) as is_ended,
      coalesce(dossier.overdue_from <= least(period.to_date, dossier.told_to), false) as is_overdue
  ) as at_the_end
  cross join lateral (
    select
      not is_ended and dossier.is_waiting and dossier.waiting = 'resolved' as counts_as_resolved,
      not is_ended and not (dossier.is_waiting and dossier.waiting = 'resolved') as is_pending
  ) as state
  where not (is_ended and dossier.verdict = 'excluded')
  group by 1, 2, 3, 4, 5
{% endmacro %}

{# `settlement(scope, from, to, parameter set)` in the release: the columns of form II.06 for the agencies of a scope in any
   period, as the software has it, by any set of parameters. #}
{% macro create_settlement_function() %}
{%- set stretch, rules, scope = ref('dossier_stretch'), ref('parameter_set'), ref('figure_scope') -%}
create or replace function {{ this.schema }}.settlement(scope text, first_day date, last_day date, parameters text)
returns table (
  scheme text, period_code text, parameter_set text, agency_code text, field text,
  received_online_count bigint, received_direct_or_post_count bigint, carried_over_count bigint,
  resolved_early_count bigint, resolved_on_time_count bigint, resolved_late_count bigint,
  ended_without_result_count bigint, pending_within_deadline_count bigint, pending_overdue_count bigint
)
language sql stable
as $function$
  with asked as (
    select ''::text as scheme, ''::text as period_code, first_day as from_date, last_day as to_date
  ), judged as (
    {{ judged_stretches(stretch.include(database=false), rules.include(database=false)) }}
    where rules.parameter_set = parameters
  ), settled as (
    {{ settled_rows('asked', 'judged') }}
  )
  select settled.*
  from settled
  where exists (
    select from {{ scope.include(database=false) }} as member
    where member.scope_agency_code = settlement.scope
      and member.agency_code = settled.agency_code
      and member.valid_from <= last_day
      and coalesce(member.valid_to, 'infinity') >= first_day
  )
$function$;
revoke all on function {{ this.schema }}.settlement(text, date, date, text) from public;
grant execute on function {{ this.schema }}.settlement(text, date, date, text) to kho_auditor
{% endmacro %}
