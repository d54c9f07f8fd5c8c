{{ config(
  materialized='kept',
  unique_key=['source', 'fact_key'],
  indexes=[
    {'columns': ['source', 'fact_key']},
    {'columns': ['metric', 'agency_code', 'movement_date']},
    {'columns': ['from_build']},
    {'columns': ['to_build']},
  ]
) }}
{% set movements = [
  ref('movement_dossier'),
  ref('movement_dossier_history'),
  ref('movement_dossier_adjustment'),
  ref('movement_dossier_supplement'),
  ref('movement_dossier_fee'),
  ref('movement_procedure_offering'),
  ref('movement_document'),
  ref('movement_document_delivery'),
  ref('movement_incoming_document'),
  ref('movement_portal_item'),
  ref('movement_portal_traffic'),
  ref('movement_portal_counter'),
  ref('movement_broadcast_programme'),
  ref('movement_broadcast_article'),
  ref('movement_radio_station_site'),
  ref('movement_result_lookup'),
  ref('movement_unit'),
  ref('movement_digital_certificate'),
  ref('movement_workplace_staff'),
  ref('movement_it_spending'),
  ref('movement_population_service'),
  ref('movement_civil_registration'),
] %}
{% set touched = touched_movements(movements) %}
{% call touched_keys() %}
  select null::text as source, null::uuid as fact_key
  {% for movement in movements if movement.identifier in touched %}
  union
  {% if touched[movement.identifier] == 'whole' %}
  select source, fact_key from {{ this }} where source = '{{ movement.identifier }}' and to_build is null
  {% else %}
  select '{{ movement.identifier }}', key from {{ touched_of(movement) }}
  {% endif %}
  {% endfor %}
{% endcall %}
with moved as (
  {% for movement in movements if movement.identifier in touched %}
  select
    '{{ movement.identifier }}' as source,
    {{ fact_key_of(movement) }} as fact_key,
    metric, agency_code, detail, movement_date, counted_key, is_adjustment,
    {{ 'parameter_set' if movement.identifier == 'movement_dossier_history' else 'null::text' }} as parameter_set,
    amount, row_code, _batch_id, _row_number
  from {{ movement }}
  {% if touched[movement.identifier] == 'by_key' %}
  where fact_key = any((select array_agg(key) from {{ touched_of(movement) }})::uuid[])
  {% endif %}
  union all
  {% endfor %}
  select
    null::text, null::uuid, null::text, null::text, null::text, null::date, null::text, null::boolean, null::text, null::bigint,
    null::text, null::bigint, null::bigint
  where false
)

select
  source,
  fact_key,
  metric,
  coalesce(agency_code, '') as agency_code,
  coalesce(detail, '') as detail,
  movement_date,
  counted_key,
  is_adjustment,
  parameter_set,
  amount,
  row_code,
  _batch_id as batch_id,
  _row_number as row_number,
  (select build_id from {{ ref('stg_ledger__builds') }} where is_current) as from_build,
  null::bigint as to_build
from moved
where movement_date is not null
