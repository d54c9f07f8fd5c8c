{{ config(post_hook='analyze {{ this }}', indexes=[{'columns': ['date_day'], 'unique': true}, {'columns': ['working_day_number', 'date_day']}]) }}
with day as (
  select generated::date as date_day
  from generate_series(
    '{{ var('first_year') }}-01-01'::timestamp, '{{ var('last_year') }}-12-31'::timestamp, interval '1 day'
  ) as generated
), worked as (
  select
    day.date_day,
    day_off.name as day_off_name,
    day_off.date_day is not null as is_day_off,
    make_up_day.date_day is not null as is_make_up_day,
    coalesce(make_up_day.hours_of_weekday, extract(isodow from day.date_day)::integer) as hours_of_weekday,
    make_up_day.date_day is not null or extract(isodow from day.date_day) < 6 and day_off.date_day is null as is_working_day
  from day
  left join {{ ref('days_off') }} as day_off using (date_day)
  left join {{ ref('make_up_days') }} as make_up_day using (date_day)
)

select
  date_day,
  extract(year from date_day)::integer as year_number,
  extract(quarter from date_day)::integer as quarter_number,
  extract(month from date_day)::integer as month_number,
  extract(isodow from date_day)::integer as weekday_number,
  day_off_name,
  is_day_off,
  is_make_up_day,
  hours_of_weekday,
  is_working_day,
  count(*) filter (where is_working_day) over (order by date_day) as working_day_number,
  coalesce(
    date_day < (select date_trunc('year', min(date_day)) from {{ ref('days_off') }} where state = 'expected'), true
  ) as is_announced
from worked
