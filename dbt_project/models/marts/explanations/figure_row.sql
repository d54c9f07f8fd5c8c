{{ config(materialized='view') }}
select
  moved.source,
  moved.metric,
  moved.agency_code,
  moved.detail,
  moved.movement_date,
  moved.counted_key,
  moved.is_adjustment,
  moved.parameter_set,
  moved.amount,
  moved.row_code,
  moved.batch_id,
  moved.row_number
from {{ of_build(ref('kept_row')) }} as moved
left join {{ ref('figure_told') }} as told using (metric, agency_code)
-- What is dated later has not happened yet. An agency that nobody knows is told by the suite of figure_movement.
where moved.movement_date <= coalesce(told.told_to, 'infinity')
