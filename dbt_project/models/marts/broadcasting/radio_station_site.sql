select
  site_code,
  agency_code,
  place,
  surveyed_date,
  is_eligible,
  why_not
from {{ ref('fct_radio_station_site') }}
