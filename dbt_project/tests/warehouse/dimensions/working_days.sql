-- Lunar New Year, a day in lieu, an ordinary day and a Saturday; a row here is a day that dim_date has wrong.
with expected (date_day, is_holiday, is_working_day) as (
  values
    (date '2021-02-12', true, false),
    (date '2021-04-21', true, false),
    (date '2021-05-03', true, false),
    (date '2021-05-04', false, true),
    (date '2021-05-08', false, false)
)

select expected.*
from expected
left join {{ ref('dim_date') }} as day using (date_day, is_holiday, is_working_day)
where day.year_number is null
