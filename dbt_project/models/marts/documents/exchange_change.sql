-- depends_on: {{ ref('exchange_period') }}, {{ ref('figure_told') }}, {{ ref('figure_coverage') }}
-- depends_on: {{ ref('kept_document') }}, {{ ref('kept_incoming_document') }}, {{ ref('kept_delivery') }}
{% set last = last_release('document_exchange') %}
{% set counts = exchange_columns() %}
{% set columns = ['scheme', 'period_code', 'agency_code', 'document_type'] + counts %}
{% set is_any_whole = not last or run_query(
  'select exists (select from ' ~ ref('exchange_period') ~ ' where to_date_before is null)'
).rows[0][0] %}
with
{% if is_any_whole %}
whole as (
  select scheme, period_code, from_date, to_date from {{ ref('exchange_period') }} where to_date_before is null
), counted_whole as (
  {{ exchange_rows(
    'whole', of_build(ref('kept_document')), of_build(ref('kept_incoming_document')), of_build(ref('kept_delivery')),
    ref('figure_told')
  ) }}
),
{% endif %}
{% if last %}
stayed as (
  select scheme, period_code, from_date, to_date from {{ ref('exchange_period') }} where to_date_before is not null
), stayed_before as (
  select scheme, period_code, from_date, to_date_before as to_date
  from {{ ref('exchange_period') }}
  where to_date_before is not null
), both_told as (
  -- What is of an earlier day counts in both for the same periods, if nothing touched it.
  select
    metric,
    agency_code,
    least(
      now.told_to, before.told_to, (select max(business_date) from {{ ref('figure_coverage') }}), '{{ last.business_date }}'
    ) as last_day
  from {{ ref('figure_told') }} as now
  full join {{ of_last_release('figure_told') }} as before using (metric, agency_code)
  where metric in ('documents_outgoing', 'documents_incoming')
), {{ moved_documents('document', ref('kept_document'), 'document_key', 'issued_date', 'documents_outgoing', last) }},
{{ moved_documents('incoming', ref('kept_incoming_document'), 'incoming_key', 'received_date', 'documents_incoming', last) }},
moved_delivery as materialized (
  {{ touched_since(ref('kept_delivery'), 'delivery_key', last.build_id) }}
  union
  select delivery_key
  from {{ ref('kept_delivery') }}
  where to_build is null
    and last_day > least((select max(business_date) from {{ ref('figure_coverage') }}), '{{ last.business_date }}')
), delivery as materialized (
  {{ of_moved(ref('kept_delivery'), 'delivery_key', 'moved_delivery', number_of(current_build())) }}
), delivery_before as materialized (
  {{ of_moved(ref('kept_delivery'), 'delivery_key', 'moved_delivery', last.build_id) }}
), counted as (
  {{ exchange_rows('stayed', 'document', 'incoming', 'delivery', ref('figure_told')) }}
), counted_before as (
  {{ exchange_rows('stayed_before', 'document_before', 'incoming_before', 'delivery_before', of_last_release('figure_told')) }}
),
{% endif %}
each_count as (
  {% if is_any_whole %}
  select 1 as sign, {{ columns | join(', ') }} from counted_whole
  {% endif %}
  {% if last %}
  {{ 'union all' if is_any_whole }}
  select 1 as sign, {{ columns | join(', ') }} from counted
  union all
  select -1, {{ columns | join(', ') }} from counted_before
  union all
  select -1, {{ columns | join(', ') }} from {{ of_last_release('document_exchange') }}
  where (scheme, period_code) not in (
    select scheme, period_code from {{ ref('exchange_period') }} where to_date_before is not null
  )
  {% endif %}
)

select
  scheme,
  period_code,
  agency_code,
  document_type
  {%- for column in counts %},
  sum(sign * {{ column }})::bigint as {{ column }}
  {%- endfor %}
from each_count
group by 1, 2, 3, 4
having {% for column in counts %}sum(sign * {{ column }}) <> 0{{ ' or ' if not loop.last }}{% endfor %}
