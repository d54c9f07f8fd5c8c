select distinct fiscal_year
from {{ ref('stg_misa__spending') }}
where _is_touched
