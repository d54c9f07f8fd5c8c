select
  certificate._key as certificate_key,
  certificate.certificate_code,
  'certificates' as system,
  {{ canonical_agency_code('certificate.agency_code') }} as agency_code,
  holder.code as holder_kind,
  certificate.issuer,
  certificate.issued_date,
  certificate.expiry_date,
  status.code as status,
  certificate.list_unit,
  certificate.list_date,
  certificate.listed_to,
  {{ version_columns() }}
from (
  {{ list_rows('certificates.register') }}
) as certificate
{{ join_mapping('holder', 'certificate_holder', 'certificates', 'certificate.holder_kind') }}
{{ join_mapping('status', 'certificate_status', 'certificates', 'certificate.status') }}
