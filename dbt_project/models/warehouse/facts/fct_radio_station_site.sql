{{ config(materialized='fact', unique_key='site_key') }}
with newest as (
  {{ newest(ref('stg_radio_survey__sites'), 'site_key') }}
)

select
  newest.site_key,
  newest.site_code,
  agency.agency_key,
  newest.agency_code,
  newest.place,
  newest.surveyed_date,
  newest.is_eligible,
  newest.why_not,
  newest._batch_id,
  newest._row_number
from newest
{{ join_agency('newest', 'surveyed_date') }}
