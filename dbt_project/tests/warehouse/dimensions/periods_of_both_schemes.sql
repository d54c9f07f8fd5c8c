-- Periods as QĐ 766 (calendar) and NĐ 09/2019 (administrative) have them; a row here is one that dim_period lacks.
with expected (scheme, period_code, from_date, to_date) as (
  values
    ('calendar', '2021-02', date '2021-02-01', date '2021-02-28'),
    ('calendar', '2024-02', date '2024-02-01', date '2024-02-29'),
    ('calendar', '2021-Q4', date '2021-10-01', date '2021-12-31'),
    ('calendar', '2021-H1', date '2021-01-01', date '2021-06-30'),
    ('calendar', '2021-9M', date '2021-01-01', date '2021-09-30'),
    ('calendar', '2021', date '2021-01-01', date '2021-12-31'),
    ('administrative', '2021-01', date '2020-12-15', date '2021-01-14'),
    ('administrative', '2021-03', date '2021-02-15', date '2021-03-14'),
    ('administrative', '2021-Q1', date '2020-12-15', date '2021-03-14'),
    ('administrative', '2021-H1', date '2020-12-15', date '2021-06-14'),
    ('administrative', '2021-H2', date '2021-06-15', date '2021-12-14'),
    ('administrative', '2021-9M', date '2020-12-15', date '2021-09-14'),
    ('administrative', '2021', date '2020-12-15', date '2021-12-14')
)

select expected.*
from expected
left join {{ ref('dim_period') }} as period using (scheme, period_code, from_date, to_date)
where period.period_code is null
