{% set facts = "in ('document', 'document_delivery', 'incoming_document')" %}
{% set last = last_release('document_exchange') %}
with now as (
  {{ told_periods(facts) }}
)
{%- if last %}, before as (
  {{ told_periods(facts, of_last_release('figure_coverage')) }}
)
{%- endif %}

select
  scheme,
  period_code,
  now.from_date,
  now.to_date,
  {{ 'before.to_date' if last else 'null::date' }} as to_date_before
from now
{% if last %}
left join before using (scheme, period_code)
{% endif %}
