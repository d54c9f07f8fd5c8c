{# Registers that are handed over whole. Their staging models have `list_date`, the date of the delivery: a list holds from
   that day until the day before the next one's. Facts keep each row of each list, keyed by `list_date`. #}

{# The lists that came or went since the last build, and the ones just before them: those end on another day now. #}
{% macro touched_lists(staging) -%}
select list_date
from (
  select
    list_date,
    bool_or(_is_touched) as is_touched,
    lead(bool_or(_is_touched)) over (order by list_date) as is_next_touched
  from {{ staging }}
  group by list_date
) as list
where is_touched or is_next_touched
{%- endmacro %}

{# The rows of lists, each once, with `listed_to`: the last day on which its list holds, empty for the newest list.
   Of several lists of one day the one that came last counts. With `touched`: of touched lists only, unless all are built
   anew. #}
{% macro rows_of_lists(staging, row_key, touched=none) -%}
select distinct on (listed.list_date, listed.{{ row_key }})
  listed.*,
  list.listed_to
from (
  select * from {{ staging }} where _is_in_force {% if touched %}{{ only_touched('list_date', touched) }}{% endif %}
) as listed
join (
  select
    list_date,
    max(_arrival_id) as _arrival_id,
    lead(list_date) over (order by list_date) - 1 as listed_to
  from {{ staging }}
  where _is_in_force
  group by list_date
) as list
  on list.list_date = listed.list_date and list._arrival_id = listed._arrival_id
order by listed.list_date, listed.{{ row_key }}, listed._row_number
{%- endmacro %}
