with applied as (
  -- The default set for everybody; for the agencies of a report that keeps another set that one, too.
  select member.agency_code, kept.parameter_set
  from {{ ref('dim_report_parameter') }} as kept
  join {{ ref('bridge_agency') }} as member using (scope_agency_code)
), judged as (
  {{ judged_stretches(
    ref('fct_dossier_history'),
    ref('dim_parameter_set'),
    "rules.parameter_set = 'default'"
      ~ ' or (stretch.agency_code, rules.parameter_set) in (select agency_code, parameter_set from applied)'
  ) }}
), stretch as (
  -- Pending from its first day to the day before the next stretch or the end: what a day's end sees.
  select
    judged.dossier_key,
    judged.agency_code,
    judged.parameter_set,
    judged.from_date,
    judged.ended_date,
    judged.end_kind,
    judged.verdict,
    coalesce(judged.to_date + 1, judged.ended_date, 'infinity') as until_date,
    least(judged.overdue_from, judged.to_date + 1, judged.ended_date, 'infinity') as within_until,
    lag(judged.agency_code) over (partition by judged.dossier_key, judged.parameter_set order by judged.from_date) as agency_before,
    judged.parameter_set = 'default' as is_default,
    judged.to_date is null as is_last,
    dossier.field,
    dossier.dossier_code,
    dossier._batch_id,
    dossier._row_number
  from judged
  join {{ ref('fct_dossier') }} as dossier using (dossier_key)
), step as (
  select
    edge.metric,
    edge.agency_code,
    stretch.field,
    edge.movement_date,
    edge.parameter_set,
    stretch.dossier_code,
    stretch._batch_id,
    stretch._row_number,
    stretch.dossier_key,
    sum(edge.amount) as amount
  from stretch
  cross join lateral (
    values
      ('dossiers_in_progress', agency_code, null, from_date, 1, is_default),
      ('dossiers_in_progress', agency_code, null, until_date, -1, is_default),
      ('dossiers_in_progress_within_deadline', agency_code, parameter_set, from_date, 1, true),
      ('dossiers_in_progress_within_deadline', agency_code, parameter_set, within_until, -1, true),
      ('dossiers_overdue', agency_code, parameter_set, within_until, 1, true),
      ('dossiers_overdue', agency_code, parameter_set, until_date, -1, true),
      ('dossiers_handed_over', agency_before, null, from_date, 1, is_default and agency_code <> agency_before),
      ('dossiers_taken_over', agency_code, null, from_date, 1, is_default and agency_code <> agency_before),
      ('dossiers_resolved', agency_code, parameter_set, ended_date, 1, is_last and verdict <> 'excluded'),
      ('dossiers_resolved_early', agency_code, parameter_set, ended_date, 1, is_last and verdict = 'early'),
      ('dossiers_resolved_on_time', agency_code, parameter_set, ended_date, 1, is_last and verdict in ('early', 'on_time')),
      ('dossiers_resolved_late', agency_code, parameter_set, ended_date, 1, is_last and verdict = 'late'),
      ('dossiers_late_on_software', agency_code, parameter_set, ended_date, 1, is_last and verdict = 'late'),
      ('dossiers_ended_without_result', agency_code, null, ended_date, 1, is_default and is_last and end_kind <> 'resolved')
  ) as edge (metric, agency_code, parameter_set, movement_date, amount, applies)
  where edge.applies and edge.movement_date < 'infinity'
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9
  having sum(edge.amount) <> 0
)

select
  step.metric,
  step.agency_code,
  step.field as detail,
  step.movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.parameter_set,
  step.amount::bigint as amount,
  step.dossier_code as row_code,
  step._batch_id,
  step._row_number,
  step.dossier_key as fact_key
from step
