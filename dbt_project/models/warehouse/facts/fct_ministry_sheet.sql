select
  {{ canonical_agency_code('sheet.list_unit') }} as agency_code,
  sheet.list_date,
  batch.rows_rejected as rows_held_count,
  sheet.batch_id as _batch_id
from {{ ref('stg_ledger__lists') }} as sheet
join {{ ref('stg_ledger__batches') }} as batch using (batch_id)
where sheet.contract = 'ministry_forms.settlement' and sheet.is_in_force
