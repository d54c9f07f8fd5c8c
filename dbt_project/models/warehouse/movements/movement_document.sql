select
  step.metric,
  document.agency_code,
  null::text as detail,
  document.issued_date as movement_date,
  null::text as counted_key,
  false as is_adjustment,
  step.amount::bigint as amount,
  concat_ws('/', document.document_number, document.document_symbol) as row_code,
  document._batch_id,
  document._row_number
from {{ ref('fct_document') }} as document
cross join lateral (
  values
    ('documents_outgoing', 1),
    ('documents_electronic_signed', is_signed_electronically::integer),
    ('documents_parallel_paper', is_sent_on_paper::integer),
    ('documents_signed_and_on_paper', (is_signed_electronically and is_sent_on_paper)::integer)
) as step (metric, amount)
where step.amount <> 0
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
  document._row_number
from {{ ref('fct_document') }} as document
cross join lateral string_to_table(document.systems, ', ') as through (system)
