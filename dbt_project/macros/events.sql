{# Folds an event log into its cases, one row each: when what happened, and what the case is like by its newest events.
     case, activity, time: the log's columns
     first, last: {column: activities}: when the first or the last of these activities happened; [] means any activity
     newest: columns whose newest value counts that is not empty
   The rows also have first_event_at, last_event_at and the version columns, of the newest event. An event that came again
   counts as it came last. A case is touched by any event that came or went, and in force while any of its events is.
   Write it as `from ( {{ fold_events(…) }} ) as name`. Only the cases that are asked for are folded: the contract's
   caseColumn has an index. #}
{% macro fold_events(contract, case, activity, time, first={}, last={}, newest=[]) -%}
  {%- set newest_event = newest_first('event.' ~ time) -%}
  select
    log.{{ case }},
    {%- for column in first.keys() | list + last.keys() | list + newest %}
    folded.{{ column }},
    {%- endfor %}
    folded.first_event_at,
    folded.last_event_at,
    folded._business_date,
    folded._arrival_id,
    folded._batch_id,
    folded._row_number,
    log._is_in_force,
    log._is_touched
  from (
    select
      event.{{ case }},
      bool_or(event._is_in_force) as _is_in_force,
      bool_or(event._is_touched) as _is_touched
    from (
      {{ input_rows(contract) }}
    ) as event
    group by event.{{ case }}
  ) as log
  left join lateral (
    select
      {%- for column, activities in first.items() %}
      min(event.{{ time }}){{ of_activities(activity, activities) }} as {{ column }},
      {%- endfor %}
      {%- for column, activities in last.items() %}
      max(event.{{ time }}){{ of_activities(activity, activities) }} as {{ column }},
      {%- endfor %}
      {%- for column in newest %}
      (array_agg(event.{{ column }} order by {{ newest_event }}) filter (where event.{{ column }} is not null))[1] as {{ column }},
      {%- endfor %}
      min(event.{{ time }}) as first_event_at,
      max(event.{{ time }}) as last_event_at,
      {%- for column in ['_business_date', '_arrival_id', '_batch_id', '_row_number'] %}
      (array_agg(event.{{ column }} order by {{ newest_event }}))[1] as {{ column }}{{ ',' if not loop.last }}
      {%- endfor %}
    from (
      select distinct on (version._key) version.*
      from (
        {{ input_rows(contract) }}
      ) as version
      where version.{{ case }} = log.{{ case }} and version._is_in_force
      order by version._key, {{ newest_first() }}
    ) as event
  ) as folded on true
{%- endmacro %}

{# Of these activities only; of all when none is named. #}
{% macro of_activities(activity, activities) -%}
  {%- if activities %} filter (where event.{{ activity }} in (
    {%- for each in activities %}{{ dbt.string_literal(dbt.escape_single_quotes(each)) }}{{ ', ' if not loop.last }}{% endfor -%}
  )){% endif -%}
{%- endmacro %}
