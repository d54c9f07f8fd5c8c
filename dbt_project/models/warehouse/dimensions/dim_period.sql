with year as (
  select generate_series({{ var('first_year') }}, {{ var('last_year') }}) as year_number
), shape as (
  -- First and last month of each kind of period.
  select 'month' as period_kind, lpad(month::text, 2, '0') as part, month as first_month, month as last_month
  from generate_series(1, 12) as month
  union all
  select 'quarter', 'Q' || quarter, 3 * quarter - 2, 3 * quarter from generate_series(1, 4) as quarter
  union all
  select * from (values ('half_year', 'H1', 1, 6), ('half_year', 'H2', 7, 12), ('nine_months', '9M', 1, 9), ('year', null, 1, 12)) as long
), calendar as (
  select
    period_kind,
    concat_ws('-', year_number, part) as period_code,
    make_date(year_number, first_month, 1) as from_date,
    (make_date(year_number, last_month, 1) + interval '1 month' - interval '1 day')::date as to_date
  from year cross join shape
), scheme as (
  select 'calendar' as scheme, period_kind, period_code, from_date, to_date from calendar
  union all
  -- NĐ 09/2019: from the 15th of the month before to the 14th of the last month.
  select
    'administrative', period_kind, period_code,
    (from_date - interval '1 month')::date + 14,
    date_trunc('month', to_date)::date + 13
  from calendar
)

select
  scheme,
  period_code,
  period_kind,
  from_date,
  to_date
from scheme
