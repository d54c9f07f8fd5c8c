{{ config(
  materialized='kept',
  schema='warehouse',
  kept_by='release',
  unique_key=['scheme', 'period_code'],
  indexes=[
    {'columns': ['scheme', 'period_code']},
    {'columns': ['from_release']},
    {'columns': ['to_release']},
  ]
) }}
{% set last = last_release('document_exchange') %}
{% set columns = exchange_columns() %}
{% call touched_keys() %}
  select scheme, period_code from {{ ref('exchange_change') }}
  {% if not last %}
  union
  select scheme, period_code from {{ this }} where to_release is null
  {% endif %}
{% endcall %}
with part as (
  select scheme, period_code, agency_code, document_type
    {%- for column in columns %}, {{ column }}{% endfor %}
  from {{ ref('exchange_change') }}
  {% if last %}
  union all
  select scheme, period_code, agency_code, document_type
    {%- for column in columns %}, {{ column }}{% endfor %}
  from {{ of_last_release('document_exchange') }}
  where (scheme, period_code) in (select scheme, period_code from {{ ref('exchange_change') }})
  {% endif %}
)

select
  scheme,
  period_code,
  agency_code,
  document_type
  {%- for column in columns %},
  sum({{ column }})::bigint as {{ column }}
  {%- endfor %},
  {{ number_of(current_release()) }}::bigint as from_release,
  null::bigint as to_release
from part
group by 1, 2, 3, 4
having {% for column in columns %}sum({{ column }}) <> 0{{ ' or ' if not loop.last }}{% endfor %}
