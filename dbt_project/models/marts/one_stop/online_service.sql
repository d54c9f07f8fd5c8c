with period as (
  {{ told_periods("= 'dossier'") }}
), offered as (
  select scheme, period_code, agency_code, service_level_scheme, service_level, procedure_count
  from period
  join (
    {{ procedures_offered('agency_code, service_level_scheme, service_level') }}
  ) as standing on period.to_date >= standing.day and period.to_date < coalesce(standing.next_day, 'infinity')
  where procedure_count > 0
), {{ bucket_ctes('period') }}, in_bucket as (
  -- Together before they are in many periods.
  select
    unit_agency_code as agency_code, service_level_scheme, service_level, {{ bucket_of('received_date') }} as bucket,
    count(*) as received_count,
    count(*) filter (where is_received_online) as received_online_count
  from {{ ref('fct_dossier') }}
  cross join boundary
  where unit_agency_code is not null and service_level is not null
  group by 1, 2, 3, 4
), received as (
  select
    period.scheme, period.period_code, in_bucket.agency_code, in_bucket.service_level_scheme, in_bucket.service_level,
    sum(in_bucket.received_count) as received_count,
    sum(in_bucket.received_online_count) as received_online_count
  from in_bucket
  join bucket_of_period as period using (bucket)
  group by 1, 2, 3, 4, 5
)

select
  scheme,
  period_code,
  agency_code,
  service_level_scheme,
  service_level,
  coalesce(offered.procedure_count, 0)::bigint as procedure_count,
  coalesce(received.received_count, 0)::bigint as received_count,
  coalesce(received.received_online_count, 0)::bigint as received_online_count,
  round(100.0 * received.received_online_count / nullif(received.received_count, 0), 2) as received_online_pct
from offered
full join received using (scheme, period_code, agency_code, service_level_scheme, service_level)
