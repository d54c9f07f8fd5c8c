{{ config(materialized='view') }}
select
  day.date_day,
  day.agency_key,
  day.agency_code,
  day.procedure_key,
  day.procedure_code,
  day.field,
  day.channel,
  day.service_level_key,
  day.received_count,
  day.declined_count,
  day.resolved_count,
  day.resolved_early_count,
  day.resolved_on_time_count,
  day.resolved_late_count,
  day.ended_without_result_count,
  day.taken_over_count,
  day.handed_over_count,
  day.returned_by_post_count
from {{ of_build(ref('kept_dossier_day')) }} as day
-- What is dated later than its source tells has not happened yet.
left join {{ ref('figure_told') }} as told
  on told.metric = 'dossiers_received' and told.agency_code = day.agency_code
where day.date_day <= coalesce(told.told_to, 'infinity')
