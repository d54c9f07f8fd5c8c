-- A row here is a working day on which an office has no session, one that ends before it begins, or two at a time.
select agency_code, min(date_day) as from_day, max(date_day) as to_day, opens_at::time as opens, closes_at::time as closes
from {{ ref('dim_office_session') }}
where is_wrong
group by agency_code, opens_at::time, closes_at::time
