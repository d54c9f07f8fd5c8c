select
  effect.metric,
  adjustment.agency_code,
  adjustment.field as detail,
  adjustment.effective_date as movement_date,
  null::text as counted_key,
  true as is_adjustment,
  (effect.sign * adjustment.amount)::bigint as amount,
  adjustment.adjustment_code as row_code,
  adjustment._batch_id,
  adjustment._row_number
from {{ ref('fct_dossier_adjustment') }} as adjustment
join {{ ref('dim_adjustment_effect') }} as effect on effect.adjusted_metric = adjustment.metric
