with at_opening as (
  -- What was decided after the build was opened is for the next one.
  select distinct on (event.batch_id) event.batch_id, event.to_state
  from {{ source('ledger', 'batch_event') }} as event
  where event.at <= (
    select build.opened_at from {{ source('ledger', 'build') }} as build order by build.build_id desc limit 1
  )
  order by event.batch_id, event.event_id desc
)

select
  batch.batch_id,
  batch.contract,
  delivery.name as file_name,
  batch.business_date,
  batch.rows_rejected,
  coalesce(at_opening.to_state in ('held', 'unreadable'), false) as is_held
from {{ source('ledger', 'batch') }} as batch
join {{ source('ledger', 'delivery') }} as delivery using (delivery_id)
left join at_opening using (batch_id)
