select distinct site_key
from {{ ref('stg_radio_survey__sites') }}
where _is_touched
