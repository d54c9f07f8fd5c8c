{# Our incremental strategy: delete what the touched keys were, insert what they are now.
   dbt's delete+insert deletes only keys that come back; here withdrawn and vanished keys go too. The touched keys are
   those of the table `touched_<fact>` that the model reads; `unique_key` is the column they are keys of. #}
{% macro get_incremental_touched_keys_sql(arg_dict) %}
  {%- set target = arg_dict['target_relation'] -%}
  {%- set key = arg_dict['unique_key'] -%}
  {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
  delete from {{ target }}
  where {{ key }} in (select {{ key }} from {{ touched_relation() }});

  insert into {{ target }} ({{ columns }})
  select {{ columns }} from {{ arg_dict['temp_relation'] }};
{% endmacro %}

{# The relation of the model's `touched_…` parent. #}
{% macro touched_relation() -%}
  {%- for parent in model.depends_on.nodes if parent.split('.')[-1].startswith('touched_') -%}
    {{ graph.nodes[parent].relation_name }}
  {%- else -%}
    {{ exceptions.raise_compiler_error(model.name ~ " reads no touched_ table: its strategy can't know what to delete") }}
  {%- endfor -%}
{%- endmacro %}

{# Keeps the rows of touched keys only; all of them in a full refresh, which needs no look at the database.
   Filter first, deduplicate after. #}
{% macro only_touched(key, touched) -%}
  {% if not flags.FULL_REFRESH and is_incremental() %}and {{ key }} in (select {{ key }} from {{ touched }}){% endif %}
{%- endmacro %}
