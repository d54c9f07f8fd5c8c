select
  step.metric,
  dossier.agency_code,
  dossier.field as detail,
  step.movement_date,
  step.counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  dossier.dossier_code as row_code,
  dossier._batch_id,
  dossier._row_number
from {{ ref('fct_dossier') }} as dossier
cross join lateral (
  values
    ('dossiers_received', received_date, 1, null, true),
    ('dossiers_received_online', received_date, 1, null, is_received_online),
    ('dossiers_received_by_post', received_date, 1, null, is_received_by_post),
    ('procedures_received_by_post', received_date, 1, procedure_code, is_received_by_post),
    ('dossiers_of_level_4_procedures', received_date, 1, null, service_level = '4'),
    ('dossiers_received_online_level_4', received_date, 1, null, service_level = '4' and is_received_online),
    ('dossiers_resolved', processed_date, 1, null, is_resolved),
    ('dossiers_resolved_early', processed_date, 1, null, is_early),
    ('dossiers_resolved_on_time', processed_date, 1, null, is_on_time),
    ('dossiers_resolved_late', processed_date, 1, null, not is_on_time),
    ('dossiers_late_on_software', processed_date, 1, null, not is_on_time),
    ('dossiers_returned_by_post', returned_date, 1, null, is_returned_by_post),
    ('procedures_returned_by_post', returned_date, 1, procedure_code, is_returned_by_post),
    -- In progress from the day of reception to the day before it is resolved; what a day's end sees.
    ('dossiers_in_progress', received_date, 1, null, true),
    ('dossiers_in_progress', greatest(processed_date, received_date), -1, null, is_resolved),
    -- Within the deadline until it is resolved or the due day ends.
    ('dossiers_in_progress_within_deadline', received_date, 1, null, true),
    ('dossiers_in_progress_within_deadline', greatest(least(processed_date, due_date), received_date), -1, null,
      is_resolved or due_date is not null),
    ('dossiers_overdue', greatest(due_date, received_date), 1, null,
      due_date is not null and (not is_resolved or processed_date > due_date)),
    ('dossiers_overdue', greatest(processed_date, received_date), -1, null,
      due_date is not null and is_resolved and processed_date > due_date)
) as step (metric, movement_date, amount, counted_key, applies)
where step.applies
