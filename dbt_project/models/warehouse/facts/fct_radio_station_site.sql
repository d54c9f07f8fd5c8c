{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='site_key',
  indexes=[{'columns': ['site_key'], 'unique': true}]
) }}
{% set touched = ref('touched_radio_station_site') %}
with newest as (
  select distinct on (site_key) *
  from {{ ref('stg_radio_survey__sites') }}
  where _is_in_force {{ only_touched('site_key', touched) }}
  order by site_key, {{ newest_first() }}
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
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.surveyed_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
