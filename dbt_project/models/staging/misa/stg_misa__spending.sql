select
  entry._key as entry_key,
  entry.voucher_code,
  'misa' as system,
  {{ canonical_agency_code('entry.agency_code') }} as agency_code,
  item.code as spending_item,
  entry.posted_date,
  entry.amount_vnd,
  -- A list tells of the year so far.
  extract(year from entry.list_date)::integer as fiscal_year,
  entry.list_unit,
  entry.list_date,
  entry.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('misa.spending') }}
) as entry
{{ join_mapping('item', 'spending_item', 'misa', 'entry.budget_item') }}
