{# What a mart and its columns are called in Vietnamese, and what they mean, as comments of its relation: a release carries its
   own texts, and publishing copies them to the views that readers see. One statement for all of them. #}
{% macro describe() -%}
  {%- set kind = 'view' if model.config.materialized == 'view' else 'table' -%}
  comment on {{ kind }} {{ this }} is {{ text_of(model) }};
  {%- for column in model.columns.values() %}
  comment on column {{ this }}.{{ adapter.quote(column.name) }} is {{ text_of(column) }};
  {%- endfor -%}
{%- endmacro %}

{% macro text_of(described) -%}
  {%- set title = described.config.meta.get('title_vi') -%}
  {%- set text = (title ~ '. ' if title else '') ~ described.description | trim -%}
  '{{ text | replace("'", "''") }}'
{%- endmacro %}
