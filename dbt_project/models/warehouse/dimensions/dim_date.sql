{{ config(indexes=[{'columns': ['date_day'], 'unique': true}, {'columns': ['working_day_number']}]) }}
with day as (
  select generated::date as date_day
  from generate_series(
    '{{ var('first_year') }}-01-01'::timestamp, '{{ var('last_year') }}-12-31'::timestamp, interval '1 day'
  ) as generated
)

select
  day.date_day,
  extract(year from day.date_day)::integer as year_number,
  extract(quarter from day.date_day)::integer as quarter_number,
  extract(month from day.date_day)::integer as month_number,
  extract(isodow from day.date_day)::integer as weekday_number,
  holiday.name as holiday_name,
  holiday.date_day is not null as is_holiday,
  extract(isodow from day.date_day) < 6 and holiday.date_day is null as is_working_day,
  count(*) filter (where extract(isodow from day.date_day) < 6 and holiday.date_day is null) over (order by day.date_day) as working_day_number
from day
left join {{ ref('holidays') }} as holiday using (date_day)
