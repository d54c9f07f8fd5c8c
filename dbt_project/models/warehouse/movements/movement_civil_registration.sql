select
  step.metric,
  registration.agency_code,
  registration.civil_event as detail,
  registration.registered_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  registration.registration_code as row_code,
  registration._batch_id,
  registration._row_number,
  registration.registration_key as fact_key
from {{ ref('fct_civil_registration') }} as registration
cross join lateral (
  values
    ('civil_registrations', 1),
    ('civil_registrations_with_dossier', has_dossier::integer)
) as step (metric, amount)
where step.amount <> 0
