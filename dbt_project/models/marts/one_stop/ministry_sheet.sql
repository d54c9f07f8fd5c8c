with month as (
  {{ months_of_periods() }}
), due as (
  select scheme, period_code, count(*) as sheets_due_count from month group by scheme, period_code
)

select
  due.scheme,
  due.period_code,
  sheet.agency_code,
  count(*) as sheets_told_count,
  due.sheets_due_count,
  sum(sheet.rows_held_count)::bigint as rows_held_count
from due
join month using (scheme, period_code)
join {{ ref('fct_ministry_sheet') }} as sheet on sheet.list_date = month.to_date
group by due.scheme, due.period_code, due.sheets_due_count, sheet.agency_code
