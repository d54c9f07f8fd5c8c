{{ config(materialized='fact', unique_key='document_key') }}
with entry as (
  {{ versions(ref('union_document')) }}
), newest as (
  select distinct on (document_key, system) *
  from entry
  where action in ('new', 'update')
  order by document_key, system, {{ newest_first('updated_at') }}
), document as (
  -- A document that came through two systems is one document, sent in both their ways.
  select
    document_key,
    min(agency_code) as agency_code,
    min(document_number) as document_number,
    min(document_symbol) as document_symbol,
    min(issued_date) as issued_date,
    min(document_type) as document_type,
    bool_or(is_signed_electronically) as is_signed_electronically,
    bool_or(is_sent_on_paper) as is_sent_on_paper,
    bool_or(signature in ('person', 'both')) as has_signature_of_person,
    bool_or(signature in ('agency', 'both')) as has_signature_of_agency,
    (array_agg(_batch_id order by {{ newest_first('updated_at') }}))[1] as _batch_id,
    (array_agg(_row_number order by {{ newest_first('updated_at') }}))[1] as _row_number
  from newest
  group by document_key
), life as (
  {{ document_lives('entry', 'document_key') }}
)

select
  document.document_key,
  agency.agency_key,
  document.agency_code,
  extract(year from document.issued_date)::integer as issued_year,
  document.document_number,
  document.document_symbol,
  document.issued_date,
  kind.document_type,
  coalesce(kind.is_copy, false) as is_copy,
  document.is_signed_electronically,
  case
    when document.has_signature_of_person and document.has_signature_of_agency then 'both'
    when document.has_signature_of_person then 'person'
    when document.has_signature_of_agency then 'agency'
    else 'unknown'
  end as signature,
  document.is_sent_on_paper,
  life.systems,
  life.recalled_at is not null as is_recalled,
  life.recalled_at,
  life.replaced_by,
  life.updated_at,
  document._batch_id,
  document._row_number
from document
join life using (document_key)
{{ join_document_kind('document') }}
{{ join_agency('document', 'issued_date') }}
