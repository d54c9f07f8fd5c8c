{# How a table is built: in one transaction, so that whoever reads it meets the old rows or the new ones. One that is there
   keeps its place, and the views that read it: its rows are replaced. A full refresh makes it anew, and so are marts, however
   often they are made for a release. What is made of batches alone stays as it is while none of them comes or goes: its model
   says so as `meta`. #}
{% materialization table, adapter='postgres' %}
  {%- set there = load_cached_relation(this) -%}
  {%- set table = this.incorporate(type='table') -%}
  {{ run_hooks(pre_hooks) }}
  {%- if there is none or should_full_refresh() or model.config.schema == 'release' -%}
    {%- do make_anew(table, there, sql) -%}
  {%- elif model.config.meta.of_batches_alone and not is_any_batch_touched() -%}
    {%- do leave(table) -%}
  {%- else -%}
    {%- call statement('main') -%}
      delete from {{ table }};
      {{ insert_rows(table, sql) }}
    {%- endcall -%}
  {%- endif -%}
  {{ run_hooks(post_hooks) }}
  {%- do adapter.commit() -%}
  {{ return({'relations': [table]}) }}
{% endmaterialization %}

{# The table of this model with its rows, indexes and grants, in the place of what was there, if anything was: that goes, or
   stays `aside` under another name. #}
{% macro make_anew(table, there, query, aside=none) -%}
  {%- set draft = table if there is none else make_intermediate_relation(table) -%}
  {%- if flags.FULL_REFRESH -%}
    {%- do get_assert_columns_equivalent(query) -%} {# in other nights the models are those of the last full refresh #}
  {%- endif -%}
  {%- call statement('main') -%}
    create table {{ draft }} {{ get_table_columns_and_constraints() }};
    {{ insert_rows(draft, query) }}
  {%- endcall -%}
  {%- do create_indexes(draft) -%}
  {%- if there is not none -%}
    {%- do adapter.rename_relation(there, aside) if aside else adapter.drop_relation(there) -%}
    {%- do adapter.rename_relation(draft, table) -%}
  {%- endif -%}
  {%- do apply_grants(table, config.get('grants'), should_revoke=false) -%}
{%- endmacro %}

{% macro insert_rows(table, query) -%}
  insert into {{ table }} ({{ model.columns.keys() | join(', ') }})
  {{ get_select_subquery(query) }}
{%- endmacro %}
