select distinct submission_key
from {{ ref('stg_online_services__submissions') }}
where _is_touched
