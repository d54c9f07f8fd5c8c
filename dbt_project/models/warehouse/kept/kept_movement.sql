{{ config(
  materialized='kept',
  unique_key=['metric', 'agency_code', 'movement_date'],
  indexes=[
    {'columns': ['metric', 'agency_code', 'movement_date']},
    {'columns': ['from_build']},
    {'columns': ['to_build']},
  ]
) }}
{% call touched_keys() %}
  select distinct metric, agency_code, movement_date
  from {{ ref('kept_row') }}
  where from_build = {{ current_build() }} or to_build = {{ current_build() }}
{% endcall %}
select
  metric,
  agency_code,
  detail,
  movement_date,
  counted_key,
  is_adjustment,
  parameter_set,
  sum(amount)::bigint as amount,
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from {{ ref('kept_row') }}
where to_build is null
{% if is_touching() %}
  and {{ is_of_touched() }}
{% endif %}
group by metric, agency_code, detail, movement_date, counted_key, is_adjustment, parameter_set
having sum(amount) <> 0
