{# Rows of several systems as one relation. The columns are those that the model's YAML tells, by name: a staging model
   that lacks one, or has it with another type, stops the build and is named. #}
{% macro union_of(members) -%}
  {%- for member in members %}
    {%- do expect_columns(member) if execute and flags.WHICH in ['build', 'run'] %}
select {{ model.columns.keys() | join(', ') }}
from {{ member }}
    {%- if not loop.last %}
union all
    {%- endif %}
  {%- endfor %}
{%- endmacro %}

{# Stops the build when a staging model lacks a column that the union needs. #}
{% macro expect_columns(member) -%}
  {%- set have = {} -%}
  {%- for column in adapter.get_columns_in_relation(member) -%}
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
  {%- if problems -%}
    {{ exceptions.raise_compiler_error(
      member.identifier ~ ' ' ~ problems | join('; ') ~ ': ' ~ model.name ~ ' needs every column of its systems; '
      ~ 'what a system does not tell is null with its type, as in null::bigint as fee_vnd'
    ) }}
  {%- endif -%}
{%- endmacro %}

{# Rows in force of a union, of touched keys only unless all are built anew. Each system's rows are filtered by
   themselves: the planner takes no join through a union, and would read every row of every system. #}
{% macro in_force(union, key, touched) -%}
  {%- if flags.FULL_REFRESH or not is_incremental() -%}
  select * from {{ union }} where _is_in_force
  {%- else -%}
    {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ union.identifier] -%}
    {%- for parent in node.depends_on.nodes %}
  select {{ node.columns.keys() | join(', ') }}
  from {{ graph.nodes[parent].relation_name }}
  where _is_in_force and {{ key }} in (select {{ key }} from {{ touched }})
      {%- if not loop.last %}
  union all
      {%- endif %}
    {%- endfor %}
  {%- endif %}
{%- endmacro %}
