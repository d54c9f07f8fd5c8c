{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='handover_key',
  indexes=[{'columns': ['handover_key'], 'unique': true}]
) }}
{% set touched = ref('touched_post_handover') %}
with newest as (
  select distinct on (handover_key) *
  from {{ ref('stg_post__handovers') }}
  where _is_in_force {{ only_touched('handover_key', touched) }}
  order by handover_key, {{ newest_first('updated_at') }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = dated.agency_code
  and dated.accepted_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
