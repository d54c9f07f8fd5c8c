select distinct online_offering_key
from {{ ref('stg_online_services__offerings') }}
where _is_touched
