{# Schemas are named as they are; `release` stands for that of the release that is being built. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}
