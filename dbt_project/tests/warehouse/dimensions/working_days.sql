-- Lunar New Year, a day in lieu, an ordinary day, a Saturday, and days that notices moved to a Saturday; a row here is a
-- day that dim_date has wrong.
with expected (date_day, is_day_off, is_working_day) as (
  values
    (date '2021-02-12', true, false),
    (date '2021-04-21', true, false),
    (date '2021-05-03', true, false),
    (date '2021-05-04', false, true),
    (date '2021-05-08', false, false),
    (date '2018-12-31', true, false),
    (date '2019-01-05', false, true),
    (date '2019-04-29', true, false),
    (date '2019-05-04', false, true),
    (date '2024-04-29', true, false),
    (date '2024-05-04', false, true),
    (date '2025-05-02', true, false),
    (date '2025-04-26', false, true),
    (date '2026-01-02', true, false),
    (date '2026-01-10', false, true),
    (date '2026-08-31', true, false),
    (date '2026-08-22', false, true)
)

select expected.*
from expected
left join {{ ref('dim_date') }} as day using (date_day, is_day_off, is_working_day)
where day.year_number is null
