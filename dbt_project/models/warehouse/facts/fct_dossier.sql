{{ config(materialized='fact', unique_key='dossier_key') }}
{% call also_touched() %}
  {{ dossiers_of_touched_lists() }}
{% endcall %}
with newest as (
  {{ newest(ref('union_dossier'), 'dossier_key', version_by='updated_at') }}
), dated as (
  select
    newest.*,
    -- Nothing that was not received has a history.
    coalesce(history.receiving_agency_code, newest.agency_code) as receiving_agency_code,
    history.ended_at,
    history.ended_date,
    history.end_kind,
    history.first_due_date,
    {{ day_of('coalesce(newest.submitted_at, newest.received_at, newest.updated_at)', 'place') }} as submitted_date,
    {{ day_of('newest.received_at', 'place') }} as received_date,
    {{ day_of('newest.due_at', 'place') }} as due_date,
    {{ day_of('newest.returned_at', 'place') }} as returned_date,
    {{ leading_system('newest', 'place') }} as leading_system,
    case when newest.received_at is null and (newest.status = 'not_received' or newest.refused_at is not null) then
      {{ day_of('coalesce(newest.refused_at, newest.updated_at)', 'place') }}
    end as declined_date
  from newest
  left join {{ ref('dim_system') }} as place using (system)
  left join {{ of_touched(ref('fct_dossier_history')) }} as history
    on history.dossier_key = newest.dossier_key and history.to_date is null
)

select
  dated.dossier_key,
  dated.dossier_code,
  dated.system,
  agency.agency_key,
  dated.receiving_agency_code as agency_code,
  agency.unit_agency_code,
  dated.agency_code as resolving_agency_code,
  dated.competent_agency_code,
  procedure.procedure_key,
  dated.procedure_code,
  dated.field,
  dated.channel,
  offering.service_level_key,
  offering.service_level_scheme,
  offering.service_level,
  dated.status,
  dated.return_method,
  dated.applicant_type,
  dated.submitted_at,
  dated.submitted_date,
  dated.received_at,
  dated.received_date,
  dated.declined_date,
  dated.due_at,
  dated.due_date,
  dated.first_due_date,
  latest.due_at as latest_due_at,
  latest.is_provisional as is_latest_due_provisional,
  dated.supplement_requested_at,
  dated.supplemented_at,
  dated.processed_at,
  dated.returned_at,
  dated.returned_date,
  dated.refused_at,
  dated.ended_at,
  dated.ended_date,
  dated.end_kind,
  dated.channel is not distinct from 'online' as is_received_online,
  dated.channel is not distinct from 'post' as is_received_by_post,
  dated.returned_at is not null and dated.is_returned_by_post as is_returned_by_post,
  dated.fee_vnd,
  dated.charge_vnd,
  dated.amount_vnd,
  dated.updated_at,
  dated._batch_id,
  dated._row_number
from dated
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = dated.receiving_agency_code
  and coalesce(dated.received_date, dated.submitted_date) between agency.valid_from and coalesce(agency.valid_to, 'infinity')
left join {{ ref('dim_procedure') }} as procedure
  on procedure.procedure_code = dated.procedure_code
  and coalesce(dated.received_date, dated.submitted_date) between procedure.valid_from and coalesce(procedure.valid_to, 'infinity')
left join {{ ref('fct_procedure_offering') }} as offering
  on offering.agency_code = agency.unit_agency_code
  and offering.procedure_code = dated.procedure_code
  and dated.received_date between offering.valid_from and coalesce(offering.valid_to, 'infinity')
{{ join_latest_due('dated', 'dated.receiving_agency_code', 'procedure', 'dated.received_at is not null') }}
where dated.leading_system is not distinct from dated.system
