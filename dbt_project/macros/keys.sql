{# The one way keys are made: md5 of the parts joined by '|', as uuid. A missing part is an empty text. #}
{% macro hash_key(parts) -%}
  md5(
    {%- for part in parts %}
    coalesce({{ part }}::text, ''){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
  )::uuid
{%- endmacro %}
