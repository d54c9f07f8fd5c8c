{{ config(materialized='fact', unique_key='handover_key') }}
with newest as (
  {{ newest(ref('stg_post__handovers'), 'handover_key', version_by='updated_at') }}
), dated as (
  select
    newest.*,
    {{ day_of('newest.accepted_at', 'system') }} as accepted_date,
    {{ day_of('newest.delivered_at', 'system') }} as delivered_date
  from newest
  left join {{ ref('dim_system') }} as system using (system)
)

select
  dated.handover_key,
  dated.bill_number,
  dated.system,
  dated.direction,
  dated.dossier_key,
  dated.dossier_code,
  agency.agency_key,
  dated.agency_code,
  agency.unit_agency_code,
  dated.post_office,
  dated.status,
  dated.accepted_at,
  dated.accepted_date,
  dated.delivered_at,
  dated.delivered_date,
  dated.postage_vnd,
  dated.updated_at,
  dated._batch_id,
  dated._row_number
from dated
{{ join_agency('dated', 'accepted_date') }}
