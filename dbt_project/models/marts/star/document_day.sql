{{ config(materialized='view') }}
select
  day.date_day,
  day.agency_key,
  day.agency_code,
  day.document_type,
  case when day.date_day <= coalesce(outgoing.told_to, 'infinity') then day.outgoing_count else 0 end as outgoing_count,
  case when day.date_day <= coalesce(outgoing.told_to, 'infinity') then day.signed_count else 0 end as signed_count,
  case when day.date_day <= coalesce(outgoing.told_to, 'infinity') then day.on_paper_count else 0 end as on_paper_count,
  case when day.date_day <= coalesce(outgoing.told_to, 'infinity') then day.signed_and_on_paper_count else 0 end as signed_and_on_paper_count,
  case when day.date_day <= coalesce(outgoing.told_to, 'infinity') then day.copy_count else 0 end as copy_count,
  case when day.date_day <= coalesce(incoming.told_to, 'infinity') then day.incoming_count else 0 end as incoming_count
from {{ of_build(ref('kept_document_day')) }} as day
-- What is dated later than its source tells has not happened yet.
left join {{ ref('figure_told') }} as outgoing
  on outgoing.metric = 'documents_outgoing' and outgoing.agency_code = day.agency_code
left join {{ ref('figure_told') }} as incoming
  on incoming.metric = 'documents_incoming' and incoming.agency_code = day.agency_code
where day.date_day <= greatest(coalesce(outgoing.told_to, 'infinity'), coalesce(incoming.told_to, 'infinity'))
