with applied as (
  -- The default set for everybody; for the agencies of a report that keeps another set that one, too.
  select member.agency_code, kept.parameter_set
  from {{ ref('dim_report_parameter') }} as kept
  join {{ ref('bridge_agency') }} as member using (scope_agency_code)
), judged as (
  {{ judged_stretches(ref('fct_dossier_history'), ref('dim_parameter_set')) }}
  where rules.parameter_set = 'default' or (stretch.agency_code, rules.parameter_set) in (select agency_code, parameter_set from applied)
), stretch as (
  -- Pending from its first day to the day before the next stretch or the end: what a day's end sees.
  select
    judged.*,
    coalesce(to_date + 1, ended_date, 'infinity') as until_date,
    least(overdue_from, to_date + 1, ended_date, 'infinity') as within_until,
    lag(agency_code) over (partition by dossier_key, parameter_set order by from_date) as agency_before,
    parameter_set = 'default' as is_default,
    to_date is null as is_last
  from judged
), step as (
  select
    stretch.dossier_key,
    edge.agency_code,
    edge.metric,
    edge.parameter_set,
    edge.movement_date,
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
  group by 1, 2, 3, 4, 5
  having sum(edge.amount) <> 0
)

select
  step.metric,
  step.agency_code,
  dossier.field as detail,
  step.movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.parameter_set,
  step.amount::bigint as amount,
  dossier.dossier_code as row_code,
  dossier._batch_id,
  dossier._row_number
from step
join {{ ref('fct_dossier') }} as dossier using (dossier_key)
