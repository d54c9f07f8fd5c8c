select
  step.metric,
  item.agency_code,
  step.detail,
  step.movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  item.item_code as row_code,
  item._batch_id,
  item._row_number,
  item.item_key as fact_key
from {{ ref('fct_portal_item') }} as item
cross join lateral (
  values
    ('portal_items_received', item_type, received_date, 1, item_type <> 'directive'),
    ('portal_items_published', item_type, published_date, 1, item_type <> 'directive'),
    ('portal_photos_published', null, published_date, photo_count, item_type <> 'directive'),
    -- Put up by the office itself: counted apart.
    ('portal_directive_documents_published', null, published_date, 1, item_type = 'directive')
) as step (metric, detail, movement_date, amount, applies)
where step.applies and step.movement_date is not null and step.amount <> 0
