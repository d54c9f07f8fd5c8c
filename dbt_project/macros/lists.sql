{# Rows of a register that is handed over whole, as a list of all that there is: that of everybody, or of a unit. A list
   holds from its day until the day before its unit's next one, an empty one too. The rows have
     list_unit, list_date, listed_to: whose list it is, its day, and the last day on which it holds (empty: it still does)
     _is_in_force: the row's list counts; of several lists of a unit and day the one that came last does
     _is_touched: the list, or its unit's next one, came or went since the last build
   Write it as `from ( {{ list_rows(…) }} ) as name`. #}
{% macro list_rows(contract) -%}
  select
    raw_row.*,
    list.list_unit,
    list.list_date,
    list.listed_to,
    list.list_date as _business_date,
    list.arrival_id as _arrival_id,
    list.is_in_force as _is_in_force,
    list.is_touched as _is_touched
  from {{ source('raw', contract | replace('.', '__')) }} as raw_row
  join {{ ref('stg_ledger__lists') }} as list
    on list.batch_id = raw_row._batch_id and list.contract = '{{ contract }}'
{%- endmacro %}
