-- A notice moves a working day to a weekend: what is moved is a day off, Monday to Friday, and what it is moved to is none.
-- A row here is a make-up day of which that is not so, or that stands in the seed twice.
select make_up_day.date_day, make_up_day.pays_for
from {{ ref('make_up_days') }} as make_up_day
left join {{ ref('days_off') }} as paid_for on paid_for.date_day = make_up_day.pays_for
left join {{ ref('days_off') }} as off on off.date_day = make_up_day.date_day
group by make_up_day.date_day, make_up_day.pays_for
having count(paid_for.date_day) <> 1
  or count(off.date_day) > 0
  or extract(isodow from make_up_day.date_day) < 6
  or coalesce(extract(isodow from make_up_day.pays_for) > 5, true)
  or min(make_up_day.hours_of_weekday) is null
  or min(make_up_day.hours_of_weekday) not between 1 and 7
