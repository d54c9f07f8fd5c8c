{{ config(materialized='view') }}
-- depends_on: {{ ref('figure_told') }}
{% set last = last_release() %}
select
  moved.metric,
  moved.agency_code,
  moved.detail,
  moved.movement_date,
  moved.counted_key,
  moved.is_adjustment,
  moved.parameter_set,
  moved.amount
from {{ of_build(ref('kept_movement')) }} as moved
left join {{ ref('figure_told') }} as told using (metric, agency_code)
where moved.movement_date <= coalesce(told.told_to, 'infinity')
{% if last %}
  and moved.from_build > {{ last.build_id }}
{% endif %}
