{{ config(indexes=[{'columns': ['metric', 'agency_code']}]) }}
select metric, agency_code, told_to
from {{ ref('bridge_movement_agency') }}
