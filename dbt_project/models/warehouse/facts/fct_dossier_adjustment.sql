{{ config(materialized='fact', unique_key='adjustment_key') }}
with newest as (
  {{ newest(ref('stg_one_stop__adjustments'), 'adjustment_key', version_by='signed_at') }}
)

select
  newest.adjustment_key,
  newest.adjustment_code,
  newest.metric,
  agency.agency_key,
  newest.agency_code,
  newest.field,
  newest.amount,
  newest.effective_date,
  newest.signed_at,
  newest.signer_position,
  newest.signer_agency,
  newest.document_code,
  newest.adjustment_reason,
  newest._batch_id,
  newest._row_number
from newest
{{ join_agency('newest', 'effective_date') }}
