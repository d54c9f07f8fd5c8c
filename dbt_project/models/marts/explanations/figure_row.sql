{% set movements = [
  ref('movement_dossier'),
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
{% for each in movements %}
select
  metric,
  agency_code,
  coalesce(detail, '') as detail,
  movement_date,
  counted_key,
  is_adjustment,
  amount,
  row_code,
  _batch_id as batch_id,
  _row_number as row_number
from {{ each }}
{{ 'union all' if not loop.last }}
{% endfor %}
