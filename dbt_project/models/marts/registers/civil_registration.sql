select
  date_trunc('month', registration.registered_date)::date as month,
  registration.agency_code,
  registration.civil_event,
  count(*)::bigint as registration_count,
  count(*) filter (where registration.has_dossier)::bigint as with_dossier_count,
  count(dossier.dossier_key)::bigint as known_dossier_count
from {{ ref('fct_civil_registration') }} as registration
left join {{ ref('fct_dossier') }} as dossier on dossier.dossier_key = registration.dossier_key
group by 1, 2, 3
