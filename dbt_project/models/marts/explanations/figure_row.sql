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
with moved as (
  {% for each in movements %}
  select
    metric, agency_code, detail, movement_date, counted_key, is_adjustment,
    {{ 'parameter_set' if each.identifier == 'movement_dossier_history' else 'null::text' }} as parameter_set,
    amount, row_code, _batch_id, _row_number
  from {{ each }}
  {{ 'union all' if not loop.last }}
  {% endfor %}
)

select
  moved.metric,
  moved.agency_code,
  coalesce(moved.detail, '') as detail,
  moved.movement_date,
  moved.counted_key,
  moved.is_adjustment,
  moved.parameter_set,
  moved.amount,
  moved.row_code,
  moved._batch_id as batch_id,
  moved._row_number as row_number
from moved
left join {{ ref('bridge_movement_agency') }} as told using (metric, agency_code)
-- What is dated later has not happened yet. An agency that nobody knows is told by the suite of figure_movement.
where moved.movement_date <= coalesce(told.told_to, 'infinity')
