{{ config(materialized='view') }}
select
  topic,
  unit_agency_code,
  unit_name,
  level_title,
  province_name,
  district_name,
  year_number,
  month_code,
  month_start,
  metric,
  metric_title,
  state_title,
  publication,
  publication_title,
  value,
  unit_title
from {{ of_release(ref('kept_public_month')) }} as month
