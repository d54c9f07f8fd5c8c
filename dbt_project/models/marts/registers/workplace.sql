select
  list_date,
  agency_code,
  count(*)::bigint as staff_count,
  count(*) filter (where has_official_mailbox)::bigint as staff_with_mailbox_count,
  count(*) filter (where has_networked_computer)::bigint as staff_with_computer_count
from {{ ref('fct_workplace_staff') }}
group by list_date, agency_code
