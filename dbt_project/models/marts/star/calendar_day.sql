{{ config(indexes=[{'columns': ['date_day'], 'unique': true}]) }}
with code as (
  select
    date_day::date as date_day,
    max(period_code) filter (where scheme = 'calendar' and period_kind = 'month') as month_code,
    max(period_code) filter (where scheme = 'calendar' and period_kind = 'quarter') as quarter_code,
    max(period_code) filter (where scheme = 'calendar' and period_kind = 'half_year') as half_year_code,
    max(period_code) filter (where scheme = 'administrative' and period_kind = 'month') as administrative_month_code,
    max(period_code) filter (where scheme = 'administrative' and period_kind = 'quarter') as administrative_quarter_code,
    max(period_code) filter (where scheme = 'administrative' and period_kind = 'year') as administrative_year_code
  from {{ ref('dim_period') }}
  cross join lateral generate_series(from_date::timestamp, to_date::timestamp, interval '1 day') as generated (date_day)
  where period_kind <> 'nine_months'
  group by 1
)

select
  day.date_day,
  day.year_number,
  code.half_year_code,
  code.quarter_code,
  code.month_code,
  day.month_number,
  code.administrative_year_code,
  code.administrative_quarter_code,
  code.administrative_month_code,
  day.weekday_number,
  weekday.title as weekday_title,
  day.is_working_day,
  day.day_off_name
from {{ ref('dim_date') }} as day
left join code using (date_day)
left join {{ ref('dim_code_title') }} as weekday on weekday.domain = 'weekday' and weekday.code = day.weekday_number::text
