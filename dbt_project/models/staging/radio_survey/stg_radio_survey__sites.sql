select
  _key as site_key,
  site.site_code,
  {{ canonical_agency_code('site.agency_code') }} as agency_code,
  site.place,
  site.surveyed_date,
  site.is_eligible,
  site.why_not,
  {{ version_columns() }}
from (
  {{ input_rows('radio_survey.sites') }}
) as site
