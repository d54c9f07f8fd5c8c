{# The day of a moment where its system is used; in the session's zone for a system that the seed does not know. #}
{% macro day_of(moment, system) -%}
  ({{ moment }} at time zone coalesce({{ system }}.time_zone, current_setting('TimeZone')))::date
{%- endmacro %}
