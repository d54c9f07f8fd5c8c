{# The day of a moment where its system is used; in the session's zone for a system that the seed does not know. #}
{% macro day_of(moment, system) -%}
  ({{ moment }} at time zone coalesce({{ system }}.time_zone, current_setting('TimeZone')))::date
{%- endmacro %}

{# The day that so many working days later is. Outside of the calendar, and for none, the day itself. #}
{% macro working_days_after(day, count) -%}
  case when {{ count }} = 0 then {{ day }} else coalesce(
    (
      select later.date_day
      from {{ ref('dim_date') }} as earlier
      join {{ ref('dim_date') }} as later
        on later.working_day_number = earlier.working_day_number + {{ count }} and later.is_working_day
      where earlier.date_day = {{ day }}
    ),
    {{ day }}
  ) end
{%- endmacro %}
