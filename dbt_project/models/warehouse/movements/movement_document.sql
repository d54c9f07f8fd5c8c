select
  step.metric,
  document.agency_code,
  null::text as detail,
  document.issued_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  1::bigint as amount,
  concat_ws('/', document.document_number, document.document_symbol) as row_code,
  document._batch_id,
  document._row_number,
  document.document_key as fact_key
from {{ ref('fct_document') }} as document
cross join lateral (
  values
    ('documents_outgoing', not is_copy),
    ('documents_electronic_signed', not is_copy and is_signed_electronically),
    ('documents_parallel_paper', not is_copy and is_sent_on_paper),
    ('documents_signed_and_on_paper', not is_copy and is_signed_electronically and is_sent_on_paper),
    ('documents_signed_by_person', not is_copy and signature = 'person'),
    ('documents_signed_by_agency', not is_copy and signature = 'agency'),
    ('documents_signed_by_both', not is_copy and signature = 'both'),
    ('documents_signature_unknown', not is_copy and signature = 'unknown'),
    ('documents_copied', is_copy)
) as step (metric, applies)
where step.applies
union all
-- Systems are counted once, however many documents came through each.
select
  'document_systems_in_parallel',
  document.agency_code,
  null,
  document.issued_date,
  through.system,
  false,
  1,
  concat_ws('/', document.document_number, document.document_symbol),
  document._batch_id,
  document._row_number,
  document.document_key
from {{ ref('fct_document') }} as document
cross join lateral string_to_table(document.systems, ', ') as through (system)
where not document.is_copy
