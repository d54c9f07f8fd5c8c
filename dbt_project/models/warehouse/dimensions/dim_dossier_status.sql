select
  {{ hash_key(['status']) }} as dossier_status_key,
  status,
  national_code,
  name as status_name,
  is_final
from {{ ref('dossier_statuses') }}
