select
  'dossier_supplements_requested' as metric,
  supplement.agency_code,
  null::text as detail,
  supplement.requested_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  1::bigint as amount,
  supplement.dossier_code as row_code,
  supplement._batch_id,
  supplement._row_number,
  supplement.supplement_key as fact_key
from {{ ref('fct_dossier_supplement') }} as supplement
