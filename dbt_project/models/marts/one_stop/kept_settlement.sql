{{ config(
  materialized='kept',
  schema='warehouse',
  kept_by='release',
  unique_key=['scheme', 'period_code'],
  indexes=[
    {'columns': ['agency_code', 'scheme', 'period_code']},
    {'columns': ['scheme', 'period_code']},
    {'columns': ['from_release']},
    {'columns': ['to_release']},
  ]
) }}
{% set last = last_release('dossier_settlement') %}
{% set counts = settlement_counts() %}
{% call touched_keys() %}
  select scheme, period_code from {{ ref('settlement_change') }}
  {% if not last %}
  union
  select scheme, period_code from {{ this }} where to_release is null
  {% endif %}
{% endcall %}
with part as (
  select
    true as is_change, scheme, period_code, parameter_set, agency_code, field
    {%- for count in counts %}, {{ count }}{% endfor %},
    is_attested
  from {{ ref('settlement_change') }}
  {% if last %}
  union all
  select
    false, scheme, period_code, parameter_set, agency_code, field
    {%- for count in counts %}, {{ count }}{% endfor %},
    is_attested
  from {{ of_last_release('dossier_settlement') }}
  where (scheme, period_code) in (select scheme, period_code from {{ ref('settlement_change') }})
  {% endif %}
), counted as (
  select
    scheme, period_code, parameter_set, agency_code, field
    {%- for count in counts %},
    sum({{ count }})::bigint as {{ count }}
    {%- endfor %},
    coalesce(bool_or(is_attested) filter (where is_change), bool_or(is_attested)) as is_attested
  from part
  group by 1, 2, 3, 4, 5
)

select
  counted.scheme,
  counted.period_code,
  counted.parameter_set,
  counted.agency_code,
  coalesce(agency.agency_level, 'unknown') as agency_level,
  counted.field
  {%- for count in counts %},
  counted.{{ count }}
  {%- endfor %},
  counted.is_attested,
  {{ number_of(current_release()) }}::bigint as from_release,
  null::bigint as to_release
from counted
left join (
  select agency_code, min(agency_level) as agency_level from {{ ref('figure_scope') }} where depth = 0 group by agency_code
) as agency using (agency_code)
where counted.received_total_count <> 0 or counted.is_attested
