select
  step.metric,
  delivery.agency_code,
  null::text as detail,
  {{ day_of('step.moment', 'system') }} as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  concat_ws('/', delivery.document_number, delivery.document_symbol) || ' ' || delivery.recipient_code as row_code,
  delivery._batch_id,
  delivery._row_number,
  delivery.delivery_key as fact_key
from {{ ref('fct_document_delivery') }} as delivery
left join {{ ref('dim_system') }} as system using (system)
cross join lateral (
  values
    ('deliveries_sent', first_event_at, 1, true),
    ('deliveries_received', closed_at, 1, outcome = 'received'),
    ('deliveries_refused', closed_at, 1, outcome = 'refused'),
    ('deliveries_recalled', closed_at, 1, outcome = 'recalled'),
    -- Open from the day of sending to the day before it is closed; what a day's end sees.
    ('deliveries_open', first_event_at, 1, true),
    ('deliveries_open', closed_at, -1, outcome is not null),
    ('deliveries_change_agreed', change_agreed_at, 1, change_agreed_at is not null),
    ('deliveries_change_refused', change_refused_at, 1, change_refused_at is not null)
) as step (metric, moment, amount, applies)
where step.applies
