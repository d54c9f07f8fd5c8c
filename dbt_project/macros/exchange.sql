{# What `document_exchange` counts. Every count, and every sum of seconds, adds up over documents and deliveries. #}
{% macro exchange_counts() -%}
  {{ return([
    'document', 'signed', 'on_paper', 'signed_and_on_paper', 'signed_by_person', 'signed_by_agency', 'signed_by_both',
    'signature_unknown', 'copy', 'recalled', 'replaced', 'several_systems', 'delivered', 'received', 'delivery',
    'delivery_carried_over', 'delivery_sent', 'delivery_received', 'delivery_refused', 'delivery_recalled', 'delivery_open',
    'delivery_not_received', 'delivery_change_agreed', 'delivery_change_refused', 'incoming',
  ]) }}
{%- endmacro %}

{% macro exchange_spans() -%}
  {{ return(['sent_to_arrived', 'arrived_to_received', 'received_to_done']) }}
{%- endmacro %}

{# The columns of both, as they are kept. #}
{% macro exchange_columns() -%}
  {%- set columns = [] -%}
  {%- for what in exchange_counts() + exchange_spans() -%}{%- do columns.append(what ~ '_count') -%}{%- endfor -%}
  {%- for span in exchange_spans() -%}{%- do columns.append(span ~ '_seconds') -%}{%- endfor -%}
  {{ return(columns) }}
{%- endmacro %}

{# The counts of every agency and type of documents in each of these periods (scheme, period_code, from_date, to_date), of
   documents, incoming documents and deliveries as they are kept. As in the figures, what is dated later than its sources tell
   (`told`: metric, agency_code, told_to) has not happened yet. #}
{% macro exchange_rows(period, document, incoming, delivery, told) %}
{% set at_edges = ['delivery_carried_over', 'delivery_open', 'delivery_not_received'] %}
{% set within = exchange_counts() | reject('in', at_edges) | list + exchange_spans() %}
{% for span in exchange_spans() %}{% do within.append(span ~ '_seconds') %}{% endfor %}
with daily as (
  -- Documents by their day of issue or arrival, deliveries by the day of what happened to them.
  select
    document.agency_code, document.document_type, document.issued_date as day,
    measure.what, sum(measure.amount)::bigint as amount
  from {{ document }} as document
  cross join lateral (
    values
      ('document', 1, not is_copy),
      ('signed', 1, not is_copy and is_signed_electronically),
      ('on_paper', 1, not is_copy and is_sent_on_paper),
      ('signed_and_on_paper', 1, not is_copy and is_signed_electronically and is_sent_on_paper),
      ('signed_by_person', 1, not is_copy and signature = 'person'),
      ('signed_by_agency', 1, not is_copy and signature = 'agency'),
      ('signed_by_both', 1, not is_copy and signature = 'both'),
      ('signature_unknown', 1, not is_copy and signature = 'unknown'),
      ('copy', 1, is_copy),
      ('recalled', 1, not is_copy and is_recalled),
      ('replaced', 1, not is_copy and is_replaced),
      ('several_systems', 1, not is_copy and is_of_several_systems),
      ('delivered', 1, not is_copy and recipient_count > 0),
      ('received', 1, not is_copy and is_received),
      ('delivery', recipient_count, not is_copy and recipient_count > 0)
  ) as measure (what, amount, applies)
  left join {{ told }} as told
    on told.metric = 'documents_outgoing' and told.agency_code = document.agency_code
  where measure.applies and document.issued_date <= coalesce(told.told_to, 'infinity')
  group by 1, 2, 3, 4
  union all
  select document.agency_code, document.document_type, document.received_date, 'incoming', count(*)
  from {{ incoming }} as document
  left join {{ told }} as told
    on told.metric = 'documents_incoming' and told.agency_code = document.agency_code
  where document.received_date <= coalesce(told.told_to, 'infinity')
  group by 1, 2, 3
  union all
  select delivery.agency_code, delivery.document_type, step.day, step.what, count(*)
  from {{ delivery }} as delivery
  cross join lateral (
    values
      ('delivery_sent', sent_day, true),
      ('delivery_received', closed_day, outcome = 'received'),
      ('delivery_refused', closed_day, outcome = 'refused'),
      ('delivery_recalled', closed_day, outcome = 'recalled'),
      ('delivery_change_agreed', change_agreed_day, true),
      ('delivery_change_refused', change_refused_day, true)
  ) as step (what, day, applies)
  where step.applies and step.day is not null
  group by 1, 2, 3, 4
  union all
  -- Moments that contradict their order, as of a wrong clock, tell no time.
  select delivery.agency_code, delivery.document_type, span.day, part.what, sum(part.amount)::bigint
  from {{ delivery }} as delivery
  cross join lateral (
    values
      ('sent_to_arrived', arrived_day, sent_to_arrived_seconds),
      ('arrived_to_received', received_day, arrived_to_received_seconds),
      ('received_to_done', done_day, received_to_done_seconds)
  ) as span (name, day, seconds)
  cross join lateral (values (span.name || '_seconds', span.seconds), (span.name, 1)) as part (what, amount)
  where span.seconds >= 0
  group by 1, 2, 3, 4
), {{ bucket_ctes(period) }}, in_bucket as (
  -- Side by side before they are in many periods.
  select
    daily.agency_code, daily.document_type, {{ bucket_of('daily.day') }} as bucket
    {%- for what in within %},
    coalesce(sum(daily.amount) filter (where daily.what = '{{ what }}'), 0)::bigint as {{ what }}
    {%- endfor %}
  from daily
  cross join boundary
  group by 1, 2, 3
), not_received as (
  select
    period.scheme, period.period_code, waiting.agency_code, waiting.document_type, 'delivery_not_received' as what,
    sum(waiting.delivery_count)::bigint as amount
  from {{ period }} as period
  join (
    select agency_code, document_type, sent_day, received_day, count(*) as delivery_count
    from {{ delivery }} as delivery
    group by 1, 2, 3, 4
  ) as waiting
    on waiting.sent_day between period.from_date and period.to_date
    and coalesce(waiting.received_day, 'infinity') > period.to_date
  group by 1, 2, 3, 4
), edge as (
  select period.scheme, period.period_code, each.what, each.day
  from {{ period }} as period
  cross join lateral (
    values ('delivery_carried_over', period.from_date - 1), ('delivery_open', period.to_date)
  ) as each (what, day)
), edges as (
  select array_agg(distinct day order by day) as days from edge
), opened as (
  -- Running totals from one edge of a period to another: each stands until its next one.
  select
    agency_code, document_type, place,
    lead(place) over running as next_place,
    sum(amount) over running as amount
  from (
    select
      daily.agency_code, daily.document_type,
      width_bucket(daily.day - 1, edges.days) + 1 as place,
      sum(case daily.what when 'delivery_sent' then daily.amount else -daily.amount end) as amount
    from daily
    cross join edges
    where daily.what in ('delivery_sent', 'delivery_received', 'delivery_refused', 'delivery_recalled')
    group by 1, 2, 3
  ) as between_edges
  window running as (partition by agency_code, document_type order by place)
), stock as (
  select
    edge.scheme, edge.period_code, opened.agency_code, opened.document_type, edge.what,
    opened.amount::bigint as amount
  from opened
  cross join edges
  cross join lateral generate_series(
    opened.place, coalesce(opened.next_place - 1, cardinality(edges.days))
  ) as at (place)
  join edge on edge.day = edges.days[at.place]
  where opened.amount <> 0
), counted as (
  select
    period.scheme, period.period_code, in_bucket.agency_code, in_bucket.document_type
    {%- for what in within %},
    sum(in_bucket.{{ what }})::bigint as {{ what }}
    {%- endfor %}
    {%- for what in at_edges %},
    0 as {{ what }}
    {%- endfor %}
  from in_bucket
  join bucket_of_period as period using (bucket)
  group by 1, 2, 3, 4
  union all
  select
    scheme, period_code, agency_code, document_type
    {%- for what in within %},
    0
    {%- endfor %}
    {%- for what in at_edges %},
    case what when '{{ what }}' then amount else 0 end
    {%- endfor %}
  from (
    select * from not_received
    union all
    select * from stock
  ) as at_edge
)

select
  scheme,
  period_code,
  agency_code,
  document_type
  {%- for what in exchange_counts() + exchange_spans() %},
  sum({{ what }})::bigint as {{ what }}_count
  {%- endfor %}
  {%- for span in exchange_spans() %},
  sum({{ span }}_seconds)::bigint as {{ span }}_seconds
  {%- endfor %}
from counted
group by scheme, period_code, agency_code, document_type
{% endmacro %}

{# Documents that the exchange of any period may count otherwise than in the last release, as `<name>` and, as they were then,
   `<name>_before`: those touched since, and those of a day that one of the two is not told of. #}
{% macro moved_documents(name, kept, key, day, metric, last) -%}
moved_{{ name }} as materialized (
  {{ touched_since(kept, key, last.build_id) }}
  union
  select kept.{{ key }}
  from both_told as told
  join {{ kept }} as kept on kept.agency_code = told.agency_code and kept.{{ day }} > told.last_day
  where told.metric = '{{ metric }}' and kept.to_build is null
  union
  -- Of an agency that no source tells of.
  select {{ key }}
  from {{ kept }}
  where to_build is null and {{ day }} > least((select max(business_date) from {{ ref('figure_coverage') }}), '{{ last.business_date }}')
    and coalesce(agency_code, '') not in (select agency_code from both_told where metric = '{{ metric }}')
), {{ name }} as materialized (
  {{ of_moved(kept, key, 'moved_' ~ name, number_of(current_build())) }}
), {{ name }}_before as materialized (
  {{ of_moved(kept, key, 'moved_' ~ name, last.build_id) }}
)
{%- endmacro %}
