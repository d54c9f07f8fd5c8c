-- Dossiers are due by one row of rules. A row here is how many there are that can be used, if it is not one of one.
select count(*) as rules, count(*) filter (
  where day_end in ('close', 'same_time') and reception_on_day_off in ('as_is', 'next_working_day') and hours_of_day > 0
) as rules_that_can_be_used
from {{ ref('deadline_rules') }}
having (count(*), count(*) filter (
  where day_end in ('close', 'same_time') and reception_on_day_off in ('as_is', 'next_working_day') and hours_of_day > 0
)) <> (1, 1)
