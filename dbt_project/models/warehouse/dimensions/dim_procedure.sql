{{ config(meta={'of_batches_alone': true}) }}
{%- set said = [
  'procedure_name', 'field', 'takes', 'takes_amount', 'takes_unit',
  'is_decided_by_province', 'is_decided_by_district', 'is_decided_by_commune',
  'legal_basis', 'decided_date', 'published_date', 'has_fee', 'is_eligible_for_full',
  'workflows_of_province', 'workflows_of_district', 'workflows_of_commune', 'has_unread_words'
] | join(', ') -%}
with listed as (
  -- Units' lists of one day name a procedure alike; should they differ, the first unit's words stand.
  select distinct on (procedure_code, list_date)
    procedure_code, list_date, {{ said }}
  from {{ ref('stg_one_stop__procedures') }}
  where _is_in_force
  order by procedure_code, list_date, agency_code, {{ newest_first() }}
), compared as (
  select
    listed.*,
    jsonb_build_array({{ said }})
      is distinct from lag(jsonb_build_array({{ said }})) over (partition by procedure_code order by list_date)
      as is_change
  from listed
), version as (
  select
    procedure_code,
    {{ said }},
    list_date as valid_from,
    lead(list_date) over (partition by procedure_code order by list_date) - 1 as valid_to
  from compared
  where is_change
)

select
  {{ hash_key(['procedure_code', 'valid_from']) }} as procedure_key,
  procedure_code,
  {{ said }},
  valid_from,
  valid_to
from version
