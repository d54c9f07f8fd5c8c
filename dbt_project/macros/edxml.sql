{# What messages of edXML (QCVN 102:2016) say of documents: a row per message and document that it is about, with all of
   the message's columns and
     document_key, sender_code, number, symbol: the document, in one spelling
     action: new; update (of its text too); recall; replaced (another document took its place); replacement (it takes the
       place of another one, so it never counts as new)
     replaced_by: number and symbol of what took its place
   Write it as `from ( {{ edxml_documents(…) }} ) as name`. #}
{% macro edxml_documents(contract) -%}
  select *
  from (
    select
      message.*,
      document.document_key,
      document.sender_code,
      document.number,
      document.symbol,
      case when about.action = 'replaced' and document.document_key = own.document_key then 'update' else about.action end as action,
      case when about.action = 'replaced' then own.number || '/' || own.symbol end as replaced_by,
      bool_or(about.action = 'replaced')
        over (partition by document.document_key, message._batch_id, message._row_number) as is_replaced
    from (
      {{ input_rows(contract) }}
    ) as message
    cross join lateral (
      select concat(agency_code, ',', to_char(issued_date, 'YYYY/MM/DD'), ',', document_number, '/', document_symbol) as code
    ) as its
    cross join lateral ({{ document_of_code('its.code') }}) as own
    cross join lateral (
      select 'new' as action, its.code where message.business_code = '0'
      union all
      select case message.business_code when '1' then 'recall' else 'update' end, coalesce(message.concerned_document_code, its.code)
      where message.business_code in ('1', '2')
      union all
      select 'replacement', its.code where message.business_code = '3'
      union all
      select 'replaced', replaced.code
      from regexp_split_to_table(coalesce(message.replaced_document_codes, its.code), '; ') as replaced (code)
      where message.business_code = '3'
    ) as about
    cross join lateral ({{ document_of_code('about.code') }}) as document
  ) as told
  where not (action = 'replacement' and is_replaced)
{%- endmacro %}

{# The document of a code such as `000.00.06.H59,2017/01/05,12/UBND-VP`. #}
{% macro document_of_code(code) -%}
  select part.sender_code, part.number, part.symbol, {{ document_key_of_year('part.sender_code', 'part.issued_year', 'part.number', 'part.symbol') }} as document_key
  from (
    select
      {{ canonical_agency_code("split_part(" ~ code ~ ", ',', 1)") }} as sender_code,
      left(split_part({{ code }}, ',', 2), 4)::integer as issued_year,
      {{ number_in("split_part(" ~ code ~ ", ',', 3)") }} as number,
      {{ symbol_in("split_part(" ~ code ~ ", ',', 3)") }} as symbol
  ) as part
{%- endmacro %}

{# What happened to documents by all that is told of them: the systems that registered each, whether it was recalled or
   replaced. Recall, update and replacement change a document that some system registered, and make none: others are not
   here. A recall ends when the same system sends the document anew. #}
{% macro document_lives(entry, key) -%}
  select
    {{ key }},
    string_agg(system, ', ' order by system) filter (where registered_at is not null) as systems,
    min(recalled_at) filter (where recalled_at >= coalesce(registered_at, '-infinity')) as recalled_at,
    min(replaced_by) as replaced_by,
    max(updated_at) as updated_at
  from (
    select
      {{ key }},
      system,
      max({{ version_time('updated_at') }}) filter (where action = 'new') as registered_at,
      max({{ version_time('updated_at') }}) filter (where action = 'recall') as recalled_at,
      bool_or(action = 'replacement') as is_replacement,
      min(replaced_by) as replaced_by,
      max({{ version_time('updated_at') }}) as updated_at
    from {{ entry }}
    group by {{ key }}, system
  ) as told
  group by {{ key }}
  having count(registered_at) > 0 and not bool_or(is_replacement)
{%- endmacro %}
