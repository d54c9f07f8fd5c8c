select
  status,
  national_code,
  name as status_name,
  is_final,
  ends_as
from {{ ref('dossier_statuses') }}
