with dossier as (
  select * from {{ ref('fct_dossier') }}
), dossier_movement as (
  select
    step.metric, dossier.agency_code, dossier.field as detail, step.movement_date, step.procedure_code, step.amount
  from dossier
  cross join lateral (
    values
      ('dossiers_received', received_date, 1, null, true),
      ('dossiers_received_online', received_date, 1, null, is_received_online),
      ('dossiers_received_by_post', received_date, 1, null, is_received_by_post),
      ('procedures_received_by_post', received_date, 1, procedure_code, is_received_by_post),
      ('dossiers_of_level_4_procedures', received_date, 1, null, service_level = '4'),
      ('dossiers_received_online_level_4', received_date, 1, null, service_level = '4' and is_received_online),
      ('dossiers_resolved', processed_date, 1, null, is_resolved),
      ('dossiers_resolved_early', processed_date, 1, null, is_early),
      ('dossiers_resolved_on_time', processed_date, 1, null, is_on_time),
      ('dossiers_resolved_late', processed_date, 1, null, not is_on_time),
      ('dossiers_late_on_software', processed_date, 1, null, not is_on_time),
      ('dossiers_returned_by_post', returned_date, 1, null, is_returned_by_post),
      ('procedures_returned_by_post', returned_date, 1, procedure_code, is_returned_by_post),
      -- In progress from the day of reception to the day before it is resolved; what a day's end sees.
      ('dossiers_in_progress', received_date, 1, null, true),
      ('dossiers_in_progress', greatest(processed_date, received_date), -1, null, is_resolved),
      -- Within the deadline until it is resolved or the due day ends.
      ('dossiers_in_progress_within_deadline', received_date, 1, null, true),
      ('dossiers_in_progress_within_deadline', greatest(least(processed_date, due_date), received_date), -1, null,
        is_resolved or due_date is not null),
      ('dossiers_overdue', greatest(due_date, received_date), 1, null,
        due_date is not null and (not is_resolved or processed_date > due_date)),
      ('dossiers_overdue', greatest(processed_date, received_date), -1, null,
        due_date is not null and is_resolved and processed_date > due_date)
  ) as step (metric, movement_date, amount, procedure_code, applies)
  where step.applies
), adjustment_movement as (
  select
    effect.metric, adjustment.agency_code, adjustment.field as detail,
    adjustment.effective_date as movement_date, null as procedure_code, effect.sign * adjustment.amount as amount
  from {{ ref('fct_dossier_adjustment') }} as adjustment
  join {{ ref('dim_adjustment_effect') }} as effect on effect.adjusted_metric = adjustment.metric
), offering_movement as (
  select
    step.metric, offering.agency_code, offering.procedure_group as detail,
    edge.movement_date, offering.procedure_code, edge.amount
  from {{ ref('fct_procedure_offering') }} as offering
  cross join lateral (
    values
      ('procedures_on_one_stop', true),
      ('procedures_online_level_3', service_level = '3'),
      ('procedures_online_level_4', service_level = '4'),
      ('procedures_online_partial', service_level = 'partial'),
      ('procedures_online_full', service_level = 'full'),
      ('procedures_announced_for_post', is_announced_for_post)
  ) as step (metric, applies)
  cross join lateral (values (valid_from, 1), (valid_to + 1, -1)) as edge (movement_date, amount)
  where step.applies and edge.movement_date is not null
), document_movement as (
  select step.metric, document.agency_code, null as detail, document.issued_date as movement_date, step.amount
  from {{ ref('fct_document') }} as document
  cross join lateral (
    values
      ('documents_outgoing', 1),
      ('documents_electronic_signed', is_signed_electronically::integer),
      ('documents_parallel_paper', is_sent_on_paper::integer),
      ('documents_signed_and_on_paper', (is_signed_electronically and is_sent_on_paper)::integer)
  ) as step (metric, amount)
  where step.amount <> 0
), portal_movement as (
  select step.metric, item.agency_code, step.detail, step.movement_date, step.amount
  from {{ ref('fct_portal_item') }} as item
  cross join lateral (
    values
      ('portal_items_received', item_type, received_date, 1),
      ('portal_items_published', item_type, published_date, 1),
      ('portal_photos_published', null, published_date, photo_count)
  ) as step (metric, detail, movement_date, amount)
  where step.movement_date is not null
  union all
  select step.metric, traffic.agency_code, null, traffic.visit_date, step.amount
  from {{ ref('fct_portal_traffic') }} as traffic
  cross join lateral (
    values ('portal_visits', visit_count), ('portal_page_views', page_view_count)
  ) as step (metric, amount)
), unit_movement as (
  select 'one_stop_units' as metric, unit.agency_code, edge.movement_date, edge.amount
  from {{ ref('dim_agency') }} as unit
  cross join lateral (values (valid_from, 1), (valid_to + 1, -1)) as edge (movement_date, amount)
  where unit.is_unit and edge.movement_date is not null
  union all
  select 'one_stop_units_with_software', operation.agency_code, edge.movement_date, edge.amount
  from {{ ref('bridge_system_operation') }} as operation
  cross join lateral (values (operated_from, 1), (operated_to + 1, -1)) as edge (movement_date, amount)
  where operation.system = 'one_stop' and operation.is_unit and edge.movement_date is not null
), movement as (
  select metric, agency_code, detail, movement_date, procedure_code, amount, false as is_adjustment from dossier_movement
  union all
  select metric, agency_code, detail, movement_date, procedure_code, amount, true from adjustment_movement
  union all
  select metric, agency_code, detail, movement_date, procedure_code, amount, false from offering_movement
  union all
  select metric, agency_code, detail, movement_date, null, amount, false from document_movement
  union all
  select metric, agency_code, detail, movement_date, null, amount, false from portal_movement
  union all
  select metric, agency_code, null, movement_date, null, amount, false from unit_movement
)

select
  metric,
  agency_code,
  coalesce(detail, '') as detail,
  movement_date,
  procedure_code,
  is_adjustment,
  sum(amount)::bigint as amount
from movement
group by metric, agency_code, coalesce(detail, ''), movement_date, procedure_code, is_adjustment
having sum(amount) <> 0
