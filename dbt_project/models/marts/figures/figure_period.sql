select scheme, period_code, period_kind, from_date, to_date
from {{ ref('dim_period') }}
