-- A year without any would count as nothing but working days: write what is expected of it into the seed days_off.
select year_number
from {{ ref('dim_date') }}
group by year_number
having not bool_or(is_day_off)
