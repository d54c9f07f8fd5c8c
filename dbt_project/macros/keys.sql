{# A key of these parts, the system first where a code is known to one system alone. What makes `_key` of raw rows too. #}
{% macro hash_key(parts) -%}
  raw.key_of(
    {%- for part in parts %}({{ part }})::text{{ ", " if not loop.last }}{% endfor -%}
  )
{%- endmacro %}
