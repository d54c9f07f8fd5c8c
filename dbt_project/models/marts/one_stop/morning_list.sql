with judged as (
  {{ judged_stretches(ref('fct_dossier_history'), ref('dim_parameter_set'), "rules.parameter_set = 'default'") }}
), told as (
  -- The last day that each system has told of: nobody knows more this morning.
  select source.system, max(source.delivered_to) as as_of
  from {{ ref('fct_source_freshness') }} as source
  join {{ ref('bridge_fact_contract') }} as feeder using (contract)
  where feeder.fact = 'dossier' and coalesce(source.end_of_life, 'infinity') >= source.business_date
  group by source.system
), now as (
  select
    judged.*,
    told.as_of,
    coalesce(judged.ended_date <= told.as_of, false) as is_ended
  from judged
  join told using (system)
  where told.as_of between judged.from_date and coalesce(judged.to_date, 'infinity')
), looked_at as (
  select
    now.*,
    dossier.dossier_code,
    dossier.field,
    dossier.procedure_code,
    case
      when now.is_ended then
        case when now.end_kind = 'resolved' and dossier.returned_at is null then 'not_fetched' end
      when now.overdue_from <= now.as_of then 'overdue'
      when now.is_waiting then 'waiting'
      when now.due_day is not null then 'due_soon'
    end as reason
  from now
  join {{ ref('fct_dossier') }} as dossier using (dossier_key)
), dated as (
  select
    looked_at.*,
    case looked_at.reason
      when 'overdue' then looked_at.due_day
      when 'waiting' then looked_at.from_date
      when 'not_fetched' then looked_at.ended_date
      else looked_at.received_date
    end as since_date
  from looked_at
), counted as (
  select
    dated.*,
    case dated.reason
      when 'due_soon' then due_day.working_day_number - today.working_day_number
      else today.working_day_number - since.working_day_number
    end as working_days
  from dated
  join {{ ref('dim_date') }} as today on today.date_day = dated.as_of
  left join {{ ref('dim_date') }} as since on since.date_day = dated.since_date
  left join {{ ref('dim_date') }} as due_day on due_day.date_day = dated.due_day
)

select
  counted.as_of,
  counted.agency_code,
  counted.reason,
  counted.system,
  counted.dossier_code,
  counted.field,
  counted.procedure_code,
  counted.received_date,
  counted.due_day as due_date,
  counted.since_date,
  counted.working_days
from counted
left join {{ ref('dim_morning_limit') }} as limits using (reason)
where counted.reason = 'overdue'
  or counted.reason = 'due_soon' and counted.working_days <= limits.working_days
  or counted.reason in ('waiting', 'not_fetched') and counted.working_days > limits.working_days
