with period as (
  {{ told_periods("in ('document', 'incoming_document')") }}
), delivered as (
  select document_key, bool_or(received_at is not null) as is_received, count(*) as recipient_count
  from {{ ref('fct_document_delivery') }}
  group by document_key
), daily_outgoing as (
  select
    document.agency_code, document.document_type, document.issued_date as day,
    count(*) as document_count,
    count(*) filter (where is_signed_electronically) as signed_count,
    count(*) filter (where is_sent_on_paper) as on_paper_count,
    count(*) filter (where is_signed_electronically and is_sent_on_paper) as signed_and_on_paper_count,
    count(*) filter (where is_recalled) as recalled_count,
    count(replaced_by) as replaced_count,
    count(*) filter (where systems like '%,%') as several_systems_count,
    count(delivered.document_key) as delivered_count,
    count(*) filter (where delivered.is_received) as received_count,
    coalesce(sum(delivered.recipient_count), 0) as delivery_count,
    0 as incoming_count
  from {{ ref('fct_document') }} as document
  left join delivered using (document_key)
  left join {{ ref('bridge_movement_agency') }} as told
    on told.metric = 'documents_outgoing' and told.agency_code = document.agency_code
  -- As in the figures, what is dated later than its sources tell has not happened yet.
  where document.issued_date <= coalesce(told.told_to, 'infinity')
  group by 1, 2, 3
), daily as (
  select * from daily_outgoing
  union all
  select document.agency_code, document.document_type, document.received_date, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, count(*)
  from {{ ref('fct_incoming_document') }} as document
  left join {{ ref('bridge_movement_agency') }} as told
    on told.metric = 'documents_incoming' and told.agency_code = document.agency_code
  where document.received_date <= coalesce(told.told_to, 'infinity')
  group by 1, 2, 3
)

select
  period.scheme,
  period.period_code,
  daily.agency_code,
  coalesce(daily.document_type, 'unknown') as document_type,
  sum(daily.document_count)::bigint as document_count,
  sum(daily.signed_count)::bigint as signed_count,
  sum(daily.on_paper_count)::bigint as on_paper_count,
  sum(daily.signed_and_on_paper_count)::bigint as signed_and_on_paper_count,
  sum(daily.recalled_count)::bigint as recalled_count,
  sum(daily.replaced_count)::bigint as replaced_count,
  sum(daily.several_systems_count)::bigint as several_systems_count,
  sum(daily.delivered_count)::bigint as delivered_count,
  sum(daily.received_count)::bigint as received_count,
  sum(daily.delivery_count)::bigint as delivery_count,
  sum(daily.incoming_count)::bigint as incoming_count
from period
join daily on daily.day between period.from_date and period.to_date
group by 1, 2, 3, 4
