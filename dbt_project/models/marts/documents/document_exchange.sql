{{ config(materialized='view') }}
select
  scheme,
  period_code,
  agency_code,
  document_type
  {%- for what in exchange_counts() %},
  {{ what }}_count
  {%- endfor %}
  {%- for span in exchange_spans() %},
  {{ span }}_seconds,
  {{ span }}_count,
  round({{ span }}_seconds / 3600.0 / nullif({{ span }}_count, 0), 2)::numeric(20, 2) as {{ span }}_mean_hours
  {%- endfor %}
from {{ of_release(ref('kept_exchange')) }} as exchanged
