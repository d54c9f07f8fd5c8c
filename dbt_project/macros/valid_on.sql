{# Whether a row with valid_from and valid_to, both empty where it always holds, is in force on a day. #}
{% macro valid_on(row, day) -%}
  {{ day }} between coalesce({{ row }}.valid_from, '-infinity') and coalesce({{ row }}.valid_to, 'infinity')
{%- endmacro %}
