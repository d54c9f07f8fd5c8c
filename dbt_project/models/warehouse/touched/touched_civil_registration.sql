select distinct registration_key
from {{ ref('stg_civil_status__registrations') }}
where _is_touched
