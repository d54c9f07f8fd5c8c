{{ config(
  materialized='fact', unique_key='dossier_key',
  indexes=[{'columns': ['dossier_key', 'requested_date'], 'unique': true}]
) }}
with version as (
  select
    told.dossier_key,
    told.supplement_requested_at as requested_at,
    told.supplemented_at as answered_at,
    {{ day_of('told.supplement_requested_at', 'place') }} as requested_date,
    {{ day_of('told.supplemented_at', 'place') }} as answered_date,
    {{ told_on('told.updated_at', 'told._business_date', 'place') }} as told_date,
    coalesce(pausing.stops = 'all', false) as is_pausing,
    told._batch_id,
    told._row_number
  from (
    {{ versions(ref('union_dossier')) }}
  ) as told
  left join {{ ref('dim_system') }} as place using (system)
  left join {{ ref('dim_pausing_status') }} as pausing on pausing.system = told.system and pausing.status = told.status
), request as (
  {{ dossier_requests('version') }}
), paused as (
  -- A status tells of a request, too, before its date is written down.
  select request.dossier_key, request.requested_date, min(version.told_date) as told_date
  from request
  join version
    on version.dossier_key = request.dossier_key and version.is_pausing and version.told_date >= request.requested_date
  group by request.dossier_key, request.requested_date
)

select
  request.dossier_key,
  request.requested_date,
  request.answered_date,
  least(request.told_date, paused.told_date) as told_date,
  request._batch_id,
  request._row_number
from request
left join paused using (dossier_key, requested_date)
