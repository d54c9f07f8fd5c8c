select
  sheet._key as row_key,
  'ministry_forms' as system,
  {{ canonical_agency_code('sheet.list_unit') }} as agency_code,
  field.field,
  sheet.received_total_count,
  sheet.received_online_count,
  sheet.received_direct_or_post_count,
  sheet.carried_over_count,
  sheet.resolved_total_count,
  sheet.resolved_early_count,
  sheet.resolved_on_time_count,
  sheet.resolved_late_count,
  sheet.pending_total_count,
  sheet.pending_within_deadline_count,
  sheet.pending_overdue_count,
  sheet.list_unit,
  sheet.list_date,
  sheet.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('ministry_forms.settlement') }}
) as sheet
left join {{ ref('fields') }} as field
  on field.system = 'ministry_forms' and {{ folded_words('field.raw_code') }} = {{ folded_words('sheet.field_name') }}
