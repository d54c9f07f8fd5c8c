-- A row here is a day off that is neither, or no day.
select date_day, state
from {{ ref('days_off') }}
where date_day is null or state is null or state not in ('announced', 'expected')
