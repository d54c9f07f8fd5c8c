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
  dossier._row_number,
  dossier.dossier_key as fact_key
from {{ ref('fct_dossier') }} as dossier
cross join lateral (
  values
    ('dossiers_received', received_date, 1, null, true),
    ('dossiers_received_online', received_date, 1, null, is_received_online),
    ('dossiers_received_by_post', received_date, 1, null, is_received_by_post),
    ('procedures_received_by_post', received_date, 1, procedure_code, is_received_by_post),
    ('dossiers_of_level_4_procedures', received_date, 1, null, service_level = '4'),
    ('dossiers_received_online_level_4', received_date, 1, null, service_level = '4' and is_received_online),
    ('dossiers_returned_by_post', returned_date, 1, null, is_returned_by_post),
    ('procedures_returned_by_post', returned_date, 1, procedure_code, is_returned_by_post),
    -- What was submitted waits for its reception; what is refused at the door is never received.
    ('dossiers_awaiting_acceptance', submitted_date, 1, null, true),
    ('dossiers_awaiting_acceptance', greatest(coalesce(received_date, declined_date), submitted_date), -1, null,
      coalesce(received_date, declined_date) is not null),
    ('dossiers_declined', declined_date, 1, null, true)
) as step (metric, movement_date, amount, counted_key, applies)
where step.applies and step.movement_date is not null
