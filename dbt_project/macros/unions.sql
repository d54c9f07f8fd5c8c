{# Rows of several systems as one relation. The columns are those that the model's YAML tells, by name: a staging model
   that lacks one, or has it with another type, stops the build and is named. Entries are renewed by batch. #}
{% macro union_of(members) -%}
  {#- An installation of one's own adds its staging models: unions.yaml of its folder, see `kho init`. -#}
  {%- set members = members[:] -%}
  {%- for name in var('own_unions', {}).get(this.name, []) -%}
    {%- do members.append(ref(name)) -%}
  {%- endfor -%}
  {%- set is_kept = model.config.materialized == 'entries' -%}
  {%- set is_renewed = is_kept and is_touching() -%}
  {%- set columns = model.columns.keys() | join(', ') -%}
  {%- for member in members %}
    {%- if execute and flags.WHICH in ['build', 'run'] and not is_renewed %}
      {%- do expect_columns(
        member, model.name ~ ' needs every column of its systems; what a system does not tell is null with its type, as in '
        ~ 'null::bigint as fee_vnd'
      ) %}
    {%- endif %}
select {{ columns.replace('_is_touched', 'false as _is_touched') if is_kept and not is_renewed else columns }}
from {{ member }}
    {%- if is_renewed %}
where _batch_id in (select batch_id from pg_temp.renewed)
    {%- elif is_kept %}
where _is_in_force
    {%- endif %}
    {%- if not loop.last %}
union all
    {%- endif %}
  {%- endfor %}
{%- endmacro %}

{# Stops the build when a relation lacks a column that the model's YAML tells, and says why it has to have it; `exactly`:
   when it has another one, too. #}
{% macro expect_columns(relation, why, exactly=false) -%}
  {%- set have = {} -%}
  {%- for column in adapter.get_columns_in_relation(relation) -%}
    {%- do have.update({column.name: column.data_type}) -%}
  {%- endfor -%}
  {%- set problems = [] -%}
  {%- for column in model.columns.values() -%}
    {%- set wanted = column.data_type | replace('timestamptz', 'timestamp with time zone') -%}
    {%- if column.name not in have -%}
      {%- do problems.append('lacks ' ~ column.name ~ ' (' ~ column.data_type ~ ')') -%}
    {%- elif have[column.name] != wanted -%}
      {%- do problems.append('has ' ~ column.name ~ ' as ' ~ have[column.name] ~ ', not ' ~ column.data_type) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- for name in have if exactly and name not in model.columns -%}
    {%- do problems.append('has ' ~ name) -%}
  {%- endfor -%}
  {%- if problems -%}
    {{ exceptions.raise_compiler_error(relation.identifier ~ ' ' ~ problems | join('; ') ~ ': ' ~ why) }}
  {%- endif -%}
{%- endmacro %}
