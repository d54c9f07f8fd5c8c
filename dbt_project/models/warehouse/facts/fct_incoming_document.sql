{{ config(materialized='fact', unique_key='incoming_key') }}
with entry as (
  {{ versions(ref('union_incoming_document')) }}
), newest as (
  select distinct on (incoming_key, system, action = 'new') *
  from entry
  where action in ('new', 'update')
  order by incoming_key, system, action = 'new', {{ newest_first('updated_at') }}
), incoming as (
  -- One document that reached an agency through two systems reached it once, when it came first.
  select
    incoming_key,
    document_key,
    min(agency_code) as agency_code,
    min(sender_code) as sender_code,
    min(document_number) as document_number,
    min(document_symbol) as document_symbol,
    min(issued_date) as issued_date,
    min(document_type) as document_type,
    min(received_date) filter (where action = 'new') as received_date,
    (array_agg(_batch_id order by {{ newest_first('updated_at') }}))[1] as _batch_id,
    (array_agg(_row_number order by {{ newest_first('updated_at') }}))[1] as _row_number
  from newest
  group by incoming_key, document_key
), life as (
  {{ document_lives('entry', 'incoming_key') }}
)

select
  incoming.incoming_key,
  incoming.document_key,
  agency.agency_key,
  incoming.agency_code,
  incoming.sender_code,
  incoming.document_number,
  incoming.document_symbol,
  incoming.issued_date,
  kind.document_type,
  incoming.received_date,
  life.systems,
  life.recalled_at is not null as is_recalled,
  life.recalled_at,
  life.replaced_by,
  life.updated_at,
  incoming._batch_id,
  incoming._row_number
from incoming
join life using (incoming_key)
{{ join_document_kind('incoming') }}
-- A message names all its recipients, also agencies elsewhere.
join {{ ref('dim_agency') }} as agency
  on agency.agency_code = incoming.agency_code
  and incoming.received_date between agency.valid_from and coalesce(agency.valid_to, 'infinity')
