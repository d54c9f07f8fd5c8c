{{ config(indexes=[{'columns': ['agency_code', 'metric']}]) }}
select metric, agency_code, told_to
from {{ ref('bridge_movement_agency') }}
