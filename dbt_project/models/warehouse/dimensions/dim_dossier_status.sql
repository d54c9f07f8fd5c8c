select
  status,
  national_code,
  name as status_name,
  is_final
from {{ ref('dossier_statuses') }}
