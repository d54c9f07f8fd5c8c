with topic as (
  -- A list stands until its next one is due.
  select *
  from (
    values
      ('dossiers_received_by_post', 'one_stop.dossiers', 'post.handovers'),
      ('dossiers_returned_by_post', 'one_stop.dossiers', 'post.handovers'),
      ('dossiers_received_online', 'one_stop.dossiers', 'online_services.submissions'),
      ('dossiers_in_two_systems', 'one_stop.dossiers', 'ministry_forms.dossiers'),
      ('dossiers_led_by_ministry', 'ministry_forms.dossiers', 'one_stop.dossiers'),
      ('procedures_online_level_3', 'one_stop.procedures', 'online_services.offerings'),
      ('procedures_online_level_4', 'one_stop.procedures', 'online_services.offerings')
  ) as pair (topic, leading_contract, other_contract)
), told as (
  select
    contract,
    system,
    covered_from,
    case
      when contract in ('one_stop.procedures', 'online_services.offerings')
        then (date_trunc('quarter', as_of) + interval '3 months' - interval '1 day')::date
      else as_of
    end as told_to
  from {{ ref('fct_source_freshness') }}
), both_told as (
  -- The months that both have told of, to their ends.
  select topic.topic, leader.system as leading_system, other.system as other_system, month.from_date, month.to_date
  from topic
  join told as leader on leader.contract = topic.leading_contract
  join told as other on other.contract = topic.other_contract
  join {{ ref('dim_period') }} as month
    on month.scheme = 'calendar' and month.period_kind = 'month'
    and month.from_date >= greatest(leader.covered_from, other.covered_from)
    and month.to_date <= least(leader.told_to, other.told_to)
), operating as (
  select operation.system, operation.agency_code, month.from_date
  from {{ ref('bridge_system_operation') }} as operation
  join (select distinct from_date from both_told) as month
    on month.from_date between operation.operated_from and coalesce(operation.operated_to, 'infinity')
), counted as (
  select step.topic, true as is_leading, unit_agency_code as agency_code, date_trunc('month', step.told_on)::date as from_date, count(*) as row_count
  from {{ ref('fct_dossier') }}
  cross join lateral (
    values
      ('dossiers_received_by_post', received_date, is_received_by_post),
      ('dossiers_returned_by_post', returned_date, is_returned_by_post),
      ('dossiers_received_online', received_date, is_received_online)
  ) as step (topic, told_on, applies)
  where system = 'one_stop' and step.applies
  group by 1, 2, 3, 4
  union all
  select
    case direction when 'to_desk' then 'dossiers_received_by_post' else 'dossiers_returned_by_post' end,
    false, unit_agency_code, date_trunc('month', delivered_date)::date, count(*)
  from {{ ref('fct_post_handover') }}
  where status = 'delivered'
  group by 1, 2, 3, 4
  union all
  select 'dossiers_received_online', false, unit_agency_code, date_trunc('month', accepted_date)::date, count(*)
  from {{ ref('fct_online_submission') }}
  where status = 'accepted'
  group by 1, 2, 3, 4
  union all
  select
    case when shared.leading_system = shared.system then 'dossiers_in_two_systems' else 'dossiers_led_by_ministry' end,
    told.system = shared.leading_system, told.unit_agency_code, date_trunc('month', told.received_date)::date, count(*)
  from {{ ref('fct_shared_dossier') }} as shared
  left join {{ ref('fct_ministry_dossier') }} as same on same.ministry_dossier_code = shared.ministry_dossier_code
  cross join lateral (
    values
      (shared.system, shared.unit_agency_code, shared.received_date),
      ('ministry_forms', same.unit_agency_code, same.received_date)
  ) as told (system, unit_agency_code, received_date)
  where shared.system = 'one_stop' and told.received_date is not null
  group by 1, 2, 3, 4
), offered as (
  select agency_code, procedure_code, service_level, valid_from, valid_to, true as is_leading
  from {{ ref('fct_procedure_offering') }}
  where service_level in ('3', '4')
  union all
  select agency_code, procedure_code, service_level, valid_from, valid_to, false
  from {{ ref('fct_online_offering') }}
  where service_level in ('3', '4')
), comparable as (
  -- A unit that does not operate one of the two has nothing to compare.
  select distinct both_told.*, leader.agency_code
  from both_told
  join operating as leader on leader.system = both_told.leading_system and leader.from_date = both_told.from_date
  join operating as other
    on other.system = both_told.other_system and other.from_date = both_told.from_date
    and other.agency_code = leader.agency_code
), compared as (
  select
    topic, agency_code, from_date, comparable.leading_system, comparable.other_system,
    sum(counted.row_count) filter (where counted.is_leading) as leading_count,
    sum(counted.row_count) filter (where not counted.is_leading) as other_count
  from (
    select topic, agency_code, from_date, leading_system, other_system from comparable
    union
    -- A case that one system names in the other is in both, whatever its unit operates.
    select both_told.topic, counted.agency_code, both_told.from_date, both_told.leading_system, both_told.other_system
    from both_told
    join counted using (topic, from_date)
    where topic in ('dossiers_in_two_systems', 'dossiers_led_by_ministry')
  ) as comparable
  join counted using (topic, agency_code, from_date)
  group by 1, 2, 3, 4, 5
  union all
  -- What is offered is compared as it is on the month's last day.
  select
    comparable.topic, offered.agency_code, comparable.from_date, comparable.leading_system, comparable.other_system,
    count(distinct offered.procedure_code) filter (where offered.is_leading),
    count(distinct offered.procedure_code) filter (where not offered.is_leading)
  from comparable
  join offered
    on offered.agency_code = comparable.agency_code
    and comparable.topic = 'procedures_online_level_' || offered.service_level
    and comparable.to_date between offered.valid_from and coalesce(offered.valid_to, 'infinity')
  group by 1, 2, 3, 4, 5
)

select
  compared.topic,
  compared.agency_code,
  compared.from_date as month,
  compared.leading_system,
  coalesce(compared.leading_count, 0)::bigint as leading_count,
  compared.other_system,
  coalesce(compared.other_count, 0)::bigint as other_count,
  (coalesce(compared.other_count, 0) - coalesce(compared.leading_count, 0))::bigint as difference
from compared
where compared.agency_code is not null
