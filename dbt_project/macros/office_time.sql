{# Office hours, dates and due dates are those of Vietnam, whatever zone a session has. #}
{% macro office_time(moment) -%}
  ({{ moment }}) at time zone 'Asia/Ho_Chi_Minh'
{%- endmacro %}
