{{ config(materialized='fact', unique_key='dossier_key') }}
{% call also_touched() %}
  -- A list bears on what its unit received while it holds and after it, and on its procedures' names anywhere. Where days
  -- begin earlier than here, that is up to a day earlier.
  with listed as (
    select distinct agency_code, procedure_code, list_date
    from {{ ref('stg_one_stop__procedures') }}
    where _is_touched
  ), unit_list as (
    select agency_code, min(list_date) as list_date from listed group by agency_code
  ), procedure_list as (
    select procedure_code, min(list_date) as list_date from listed group by procedure_code
  )

  select dossier.dossier_key
  from {{ ref('union_dossier') }} as dossier
  join {{ ref('dim_agency') }} as agency on agency.agency_code = dossier.agency_code
  join unit_list on unit_list.agency_code = agency.unit_agency_code
  where dossier.received_at >= unit_list.list_date - 1

  union

  select dossier.dossier_key
  from {{ ref('union_dossier') }} as dossier
  join procedure_list on procedure_list.procedure_code = dossier.procedure_code
  where dossier.received_at >= procedure_list.list_date - 1
{% endcall %}
with newest as (
  {{ newest(ref('union_dossier'), 'dossier_key', version_by='updated_at') }}
), dated as (
  select
    newest.*,
    {{ day_of('newest.received_at', 'system') }} as received_date,
    {{ day_of('newest.due_at', 'system') }} as due_date,
    {{ day_of('newest.processed_at', 'system') }} as processed_date,
    {{ day_of('newest.returned_at', 'system') }} as returned_date
  from newest
  left join {{ ref('dim_system') }} as system using (system)
)

select
  dated.dossier_key,
  dated.dossier_code,
  dated.system,
  agency.agency_key,
  dated.agency_code,
  agency.unit_agency_code,
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
  dated.received_at,
  dated.received_date,
  dated.due_at,
  dated.due_date,
  dated.supplement_requested_at,
  dated.supplemented_at,
  dated.processed_at,
  dated.processed_date,
  dated.returned_at,
  dated.returned_date,
  dated.refused_at,
  dated.channel is not distinct from 'online' as is_received_online,
  dated.channel is not distinct from 'post' as is_received_by_post,
  dated.returned_at is not null and dated.is_returned_by_post as is_returned_by_post,
  dated.processed_at is not null as is_resolved,
  -- Without a due date nothing can be late.
  case when dated.processed_at is not null then coalesce(dated.processed_at <= dated.due_at, true) end as is_on_time,
  case when dated.processed_at is not null then coalesce(dated.processed_date < dated.due_date, false) end as is_early,
  dated.fee_vnd,
  dated.charge_vnd,
  dated.amount_vnd,
  dated.updated_at,
  dated._batch_id,
  dated._row_number
from dated
{{ join_agency('dated', 'received_date') }}
left join {{ ref('dim_procedure') }} as procedure
  on procedure.procedure_code = dated.procedure_code
  and dated.received_date between procedure.valid_from and coalesce(procedure.valid_to, 'infinity')
left join {{ ref('fct_procedure_offering') }} as offering
  on offering.agency_code = agency.unit_agency_code
  and offering.procedure_code = dated.procedure_code
  and dated.received_date between offering.valid_from and coalesce(offering.valid_to, 'infinity')
