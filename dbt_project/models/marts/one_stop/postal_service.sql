with period as (
  {{ told_periods("= 'dossier'") }}
), announced as (
  select scheme, period_code, agency_code, procedure_count::bigint as procedure_count
  from period
  join (
    {{ procedures_offered('agency_code', 'is_announced_for_post') }}
  ) as standing on period.to_date >= standing.day and period.to_date < coalesce(standing.next_day, 'infinity')
  where procedure_count > 0
), {{ bucket_ctes('period') }}, in_bucket as (
  -- Together before they are in many periods.
  select
    step.way, dossier.unit_agency_code as agency_code, dossier.procedure_code, {{ bucket_of('step.day') }} as bucket,
    count(*) as dossier_count
  from {{ ref('fct_dossier') }} as dossier
  cross join boundary
  cross join lateral (
    values
      ('received', dossier.received_date, dossier.is_received_by_post),
      ('returned', dossier.returned_date, dossier.is_returned_by_post)
  ) as step (way, day, applies)
  where step.applies and step.day is not null and dossier.unit_agency_code is not null
  group by 1, 2, 3, 4
), each_procedure as (
  select
    period.scheme, period.period_code, in_bucket.agency_code, in_bucket.procedure_code,
    sum(in_bucket.dossier_count) filter (where in_bucket.way = 'received') as received_count,
    sum(in_bucket.dossier_count) filter (where in_bucket.way = 'returned') as returned_count
  from in_bucket
  join bucket_of_period as period using (bucket)
  group by 1, 2, 3, 4
), used as (
  select
    scheme, period_code, agency_code,
    -- A dossier whose procedure is not known counts, and none for it.
    count(procedure_code) filter (where received_count > 0) as procedures_received_count,
    coalesce(sum(received_count), 0)::bigint as dossiers_received_count,
    count(procedure_code) filter (where returned_count > 0) as procedures_returned_count,
    coalesce(sum(returned_count), 0)::bigint as dossiers_returned_count
  from each_procedure
  group by 1, 2, 3
)

select
  scheme,
  period_code,
  agency_code,
  coalesce(announced.procedure_count, 0) as procedures_announced_count,
  coalesce(used.procedures_received_count, 0) as procedures_received_count,
  coalesce(used.dossiers_received_count, 0) as dossiers_received_count,
  coalesce(used.procedures_returned_count, 0) as procedures_returned_count,
  coalesce(used.dossiers_returned_count, 0) as dossiers_returned_count
from announced
full join used using (scheme, period_code, agency_code)
