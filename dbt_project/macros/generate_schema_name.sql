{# Schemas are named as they are; the marts go to the release that is being built. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {%- if custom_schema_name == 'release' -%}
    {{ env_var('KHO_RELEASE_SCHEMA', 'release_draft') }}
  {%- else -%}
    {{ custom_schema_name or target.schema }}
  {%- endif -%}
{%- endmacro %}
