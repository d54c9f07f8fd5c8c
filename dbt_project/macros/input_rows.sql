{# Rows of a raw table that the build reads, each with its batch's place in the order of versions.
   Rows of batches that left since the last build are there too, touched and not in force.
   Write it as `from ( {{ input_rows(…) }} ) as name` where the fact looks rows up by `_key`: through a `with` the planner
   can't see the index. #}
{% macro input_rows(contract) -%}
  select
    raw_row.*,
    batch.business_date as _business_date,
    batch.arrival_id as _arrival_id,
    batch.is_in_force as _is_in_force,
    batch.is_touched as _is_touched
  from {{ source('raw', contract | replace('.', '__')) }} as raw_row
  join {{ source('ledger', 'build_input') }} as batch
    on batch.batch_id = raw_row._batch_id and batch.contract = '{{ contract }}'
{%- endmacro %}

{# The columns that staging adds to every row. #}
{% macro version_columns() -%}
  _business_date, _arrival_id, _batch_id, _row_number, _is_in_force, _is_touched
{%- endmacro %}

{# Newest version first: the source's own time, then the business date, then arrival and row number. #}
{% macro newest_first(own_time=none) -%}
  {% if own_time %}{{ version_time(own_time) }} desc, {% endif %}_business_date desc, _arrival_id desc, _row_number desc
{%- endmacro %}

{# The time that orders versions: the source's own, unless it has none or is more than a day ahead of its delivery's date. Such
   a one counts as of that date, so that it beats what was before and nothing that came since. #}
{% macro version_time(own_time) -%}
  case when {{ own_time }} >= _business_date + 2 then _business_date else coalesce({{ own_time }}, _business_date) end
{%- endmacro %}
