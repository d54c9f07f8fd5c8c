with period as (
  {{ told_periods("= 'dossier'") }}
), announced as (
  select scheme, period_code, agency_code, procedure_count::bigint as procedure_count
  from period
  join (
    {{ procedures_offered('agency_code', 'is_announced_for_post') }}
  ) as standing on period.to_date >= standing.day and period.to_date < coalesce(standing.next_day, 'infinity')
  where procedure_count > 0
), received as (
  select
    period.scheme, period.period_code, dossier.unit_agency_code as agency_code,
    count(*) as dossier_count, count(distinct dossier.procedure_code) as procedure_count
  from period
  join {{ ref('fct_dossier') }} as dossier on dossier.received_date between period.from_date and period.to_date
  where dossier.is_received_by_post and dossier.unit_agency_code is not null
  group by 1, 2, 3
), returned as (
  select
    period.scheme, period.period_code, dossier.unit_agency_code as agency_code,
    count(*) as dossier_count, count(distinct dossier.procedure_code) as procedure_count
  from period
  join {{ ref('fct_dossier') }} as dossier on dossier.returned_date between period.from_date and period.to_date
  where dossier.is_returned_by_post and dossier.unit_agency_code is not null
  group by 1, 2, 3
)

select
  scheme,
  period_code,
  agency_code,
  coalesce(announced.procedure_count, 0) as procedures_announced_count,
  coalesce(received.procedure_count, 0) as procedures_received_count,
  coalesce(received.dossier_count, 0) as dossiers_received_count,
  coalesce(returned.procedure_count, 0) as procedures_returned_count,
  coalesce(returned.dossier_count, 0) as dossiers_returned_count
from announced
full join received using (scheme, period_code, agency_code)
full join returned using (scheme, period_code, agency_code)
