{# Form II.06 (TT 01/2020/TT-VPCP) before it is printed: how many dossiers of an agency and field stand in which of its
   columns, by each set of parameters, at the end of each period. Everything is read as it was at the end of the period's
   last day, or of the last day that the dossier's system has told of. Signed adjustments count by the default set, and by
   the one that a report keeps.
     period: scheme, period_code, from_date, to_date
     sets: a condition on `rules`, the sets to count by
     relations: dossier_stretch, parameter_set, figure_row, report_parameter, figure_scope #}
{% macro settlement_rows(period, sets, relations) %}
with at_end as (
  -- Where each dossier stands at the end of each period, before it is judged by every set.
  select
    stretch.*,
    period.scheme,
    period.period_code,
    period.from_date as period_from,
    period.to_date as period_to,
    least(period.to_date, stretch.told_to) as end_date
  from {{ period }} as period
  join {{ relations.dossier_stretch }} as stretch
    on stretch.received_date <= period.to_date
    and coalesce(stretch.ended_date, 'infinity') >= period.from_date
    and stretch.from_date <= least(period.to_date, stretch.told_to)
    and coalesce(stretch.to_date, 'infinity') >= least(period.to_date, stretch.told_to)
    and stretch.told_to >= period.from_date
), judged as (
  {{ judged_stretches('at_end', relations.parameter_set, sets) }}
), kept as (
  -- A report keeps the set of parameters that it was made by, also while its period is open.
  select distinct member.agency_code, report.from_date, report.to_date, report.parameter_set
  from {{ relations.report_parameter }} as report
  join {{ relations.figure_scope }} as member using (scope_agency_code)
), settled as (
  select
    dossier.scheme,
    dossier.period_code,
    dossier.period_from as from_date,
    dossier.period_to as to_date,
    dossier.parameter_set,
    case dossier.counted_agency when 'receiving' then dossier.receiving_agency_code else dossier.holding_agency_code end
      as agency_code,
    dossier.field,
    count(*) filter (where is_new and dossier.is_received_online) as received_online_count,
    count(*) filter (where is_new and not dossier.is_received_online) as received_direct_or_post_count,
    count(*) filter (where not is_new) as carried_over_count,
    count(*) filter (where is_ended and dossier.verdict = 'early') as resolved_early_count,
    count(*) filter (where is_ended and dossier.verdict = 'on_time' or counts_as_resolved) as resolved_on_time_count,
    count(*) filter (where is_ended and dossier.verdict = 'late') as resolved_late_count,
    count(*) filter (where is_ended and dossier.end_kind <> 'resolved') as ended_without_result_count,
    count(*) filter (where is_pending and not is_overdue) as pending_within_deadline_count,
    count(*) filter (where is_pending and is_overdue) as pending_overdue_count,
    false as is_attested
  from judged as dossier
  cross join lateral (
    select
      dossier.received_date >= dossier.period_from as is_new,
      coalesce(dossier.ended_date <= dossier.end_date, false) as is_ended,
      coalesce(dossier.overdue_from <= dossier.end_date, false) as is_overdue
  ) as at_its_end
  cross join lateral (
    select
      not is_ended and dossier.is_waiting and dossier.waiting = 'resolved' as counts_as_resolved,
      not is_ended and not (dossier.is_waiting and dossier.waiting = 'resolved') as is_pending
  ) as state
  where not (is_ended and dossier.verdict = 'excluded')
  group by 1, 2, 3, 4, 5, 6, 7
), attested as (
  select
    period.scheme,
    period.period_code,
    period.from_date,
    period.to_date,
    rules.parameter_set,
    adjustment.agency_code,
    adjustment.detail as field,
    0 as received_online_count,
    case when adjustment.metric = 'dossiers_received' and is_within then amount else 0 end as received_direct_or_post_count,
    case when adjustment.metric = 'dossiers_in_progress' and not is_within then amount else 0 end as carried_over_count,
    0 as resolved_early_count,
    case when adjustment.metric = 'dossiers_resolved_on_time' and is_within then amount else 0 end as resolved_on_time_count,
    case when adjustment.metric = 'dossiers_resolved_late' and is_within then amount else 0 end as resolved_late_count,
    0 as ended_without_result_count,
    case when adjustment.metric = 'dossiers_in_progress_within_deadline' then amount else 0 end as pending_within_deadline_count,
    case adjustment.metric
      when 'dossiers_in_progress' then amount
      when 'dossiers_in_progress_within_deadline' then -amount
      else 0
    end as pending_overdue_count,
    true as is_attested
  from {{ period }} as period
  join {{ relations.figure_row }} as adjustment
    on adjustment.source = 'movement_dossier_adjustment' and adjustment.metric like 'dossiers%' and adjustment.movement_date <= period.to_date
  cross join lateral (select adjustment.movement_date >= period.from_date as is_within) as its
  join {{ relations.parameter_set }} as rules on {{ sets }}
)

select
  counted.scheme,
  counted.period_code,
  counted.parameter_set,
  counted.agency_code,
  counted.field,
  sum(received_online_count + received_direct_or_post_count + carried_over_count)::bigint as received_total_count,
  sum(received_online_count)::bigint as received_online_count,
  sum(received_direct_or_post_count)::bigint as received_direct_or_post_count,
  sum(carried_over_count)::bigint as carried_over_count,
  sum(resolved_early_count + resolved_on_time_count + resolved_late_count)::bigint as resolved_total_count,
  sum(resolved_early_count)::bigint as resolved_early_count,
  sum(resolved_on_time_count)::bigint as resolved_on_time_count,
  sum(resolved_late_count)::bigint as resolved_late_count,
  sum(ended_without_result_count)::bigint as ended_without_result_count,
  sum(pending_within_deadline_count + pending_overdue_count)::bigint as pending_total_count,
  sum(pending_within_deadline_count)::bigint as pending_within_deadline_count,
  sum(pending_overdue_count)::bigint as pending_overdue_count,
  coalesce(sum(resolved_late_count) filter (where not is_attested), 0)::bigint as late_on_software_count,
  bool_or(is_attested) as is_attested
from (
  select * from settled
  union all
  select * from attested
  where parameter_set = 'default' or exists (
    select from kept
    where kept.agency_code = attested.agency_code
      and kept.parameter_set = attested.parameter_set
      and kept.from_date = attested.from_date
      and kept.to_date >= attested.to_date
  )
) as counted
group by 1, 2, 3, 4, 5
having bool_or(is_attested) or sum(received_online_count + received_direct_or_post_count + carried_over_count) <> 0
{% endmacro %}

{# `settlement(scope, from, to, parameter set)` in the release: what `dossier_settlement` has, of the agencies of a scope, for
   any period and set of parameters. #}
{% macro create_settlement_function() %}
{%- set relations = settlement_relations(in_function=true) -%}
create or replace function {{ this.schema }}.settlement(scope text, first_day date, last_day date, parameters text)
returns table (
  scheme text, period_code text, parameter_set text, agency_code text, field text,
  received_total_count bigint, received_online_count bigint, received_direct_or_post_count bigint, carried_over_count bigint,
  resolved_total_count bigint, resolved_early_count bigint, resolved_on_time_count bigint, resolved_late_count bigint,
  ended_without_result_count bigint,
  pending_total_count bigint, pending_within_deadline_count bigint, pending_overdue_count bigint,
  late_on_software_count bigint, is_attested boolean
)
language sql stable
as $function$
  with asked as (
    select ''::text as scheme, ''::text as period_code, first_day as from_date, last_day as to_date
  ), result as (
    {{ settlement_rows('asked', 'rules.parameter_set = parameters', relations) }}
  )
  select result.*
  from result
  where exists (
    select from {{ relations.figure_scope }} as member
    where member.scope_agency_code = settlement.scope
      and member.agency_code = result.agency_code
      and member.valid_from <= last_day
      and coalesce(member.valid_to, 'infinity') >= first_day
  )
$function$;
revoke all on function {{ this.schema }}.settlement(text, date, date, text) from public;
grant execute on function {{ this.schema }}.settlement(text, date, date, text) to kho_auditor
{% endmacro %}

{# What the settlement is counted from. The text of a function names no database, so that a restored one still has it. #}
{% macro settlement_relations(in_function=false) -%}
  {%- set found = {
    'dossier_stretch': ref('dossier_stretch'),
    'parameter_set': ref('parameter_set'),
    'figure_row': ref('figure_row'),
    'report_parameter': ref('report_parameter'),
    'figure_scope': ref('figure_scope'),
  } -%}
  {%- for name, relation in found.items() if in_function -%}
    {%- do found.update({name: relation.include(database=false)}) -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro %}

{# What form II.06 counts: every one of them adds up over dossiers. #}
{% macro settlement_counts() -%}
  {{ return([
    'received_total_count',
    'received_online_count',
    'received_direct_or_post_count',
    'carried_over_count',
    'resolved_total_count',
    'resolved_early_count',
    'resolved_on_time_count',
    'resolved_late_count',
    'ended_without_result_count',
    'pending_total_count',
    'pending_within_deadline_count',
    'pending_overdue_count',
    'late_on_software_count',
  ]) }}
{%- endmacro %}

{# The sets that a release's settlement is counted by: the rule, and those that reports keep. #}
{% macro kept_sets(relations) -%}
  {{ return(
    "rules.parameter_set = 'default' or rules.parameter_set in (select parameter_set from " ~ relations.report_parameter ~ ')'
  ) }}
{%- endmacro %}

{# Whether rows are by the rule, or of a report that keeps their set. #}
{% macro is_of_kept_set(counted, relations) -%}
  (
    {{ counted }}.parameter_set = 'default'
    or ({{ counted }}.scheme, {{ counted }}.period_code, {{ counted }}.parameter_set, {{ counted }}.agency_code) in (
      select report.scheme, report.period_code, report.parameter_set, member.agency_code
      from {{ relations.report_parameter }} as report
      join {{ relations.figure_scope }} as member using (scope_agency_code)
    )
  )
{%- endmacro %}

{# A release goes on from the last one by what dossiers that moved count otherwise: those touched since, those still pending, and
   those that ended after what both were told (`moved_dossier`). All others stand at the end of every period where they stood.
   Their stretches, as a release has them: #}
{% macro of_moved_dossiers(dossier_stretch) -%}
  select * from {{ dossier_stretch }} where dossier_key = any(array(select dossier_key from {{ ref('moved_dossier') }}))
{%- endmacro %}

{# Whether a system's dossiers are told of in a period in one of two releases only: the period is counted whole. #}
{% macro is_told_newly(period) -%}
  exists (
    select
    from {{ ref('system_told') }} as told
    full join {{ of_last_release('system_told') }} as told_before using (system)
    where told.told_to is distinct from told_before.told_to
      and {{ period }}.from_date > least(coalesce(told.told_to, '-infinity'), coalesce(told_before.told_to, '-infinity'))
      and {{ period }}.from_date <= greatest(coalesce(told.told_to, '-infinity'), coalesce(told_before.told_to, '-infinity'))
  )
{%- endmacro %}
