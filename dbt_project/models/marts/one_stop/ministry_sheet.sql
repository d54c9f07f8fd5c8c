select
  period.scheme,
  period.period_code,
  sheet.agency_code,
  count(*) as sheets_told_count,
  (
    select count(*)
    from {{ ref('figure_period') }} as month
    where month.scheme = period.scheme
      and month.period_kind = 'month'
      and month.from_date >= period.from_date
      and month.to_date <= period.to_date
  ) as sheets_due_count,
  sum(sheet.rows_held_count)::bigint as rows_held_count
from {{ ref('figure_period') }} as period
join {{ ref('figure_period') }} as month
  on month.scheme = period.scheme
  and month.period_kind = 'month'
  and month.from_date >= period.from_date
  and month.to_date <= period.to_date
join {{ ref('fct_ministry_sheet') }} as sheet on sheet.list_date = month.to_date
group by period.scheme, period.period_code, period.from_date, period.to_date, sheet.agency_code
