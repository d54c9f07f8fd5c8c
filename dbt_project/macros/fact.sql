{# How a fact is built. `unique_key` is what its rows are replaced by: the key of a row, or the list that it stands in. In a
   full refresh the fact is built whole. Otherwise the touched keys' rows are deleted and built again, in one transaction:
   the keys of touched rows, come or gone, in every relation of versions that the model reads and that tells of the key;
   and those that `also_touched` says. If no batch of what it reads came or went, it stays as it is, unread.
   A unique index on the key follows, unless the model's `indexes` say another. #}
{% materialization fact, adapter='postgres' %}
  {%- if not is_touching() -%}
    {%- do run_query('set enable_nestloop = off') -%}
    {%- set built = materialization_table_postgres() -%}
    {%- do run_query('reset enable_nestloop') -%}
    {{ return(built) }}
  {%- endif -%}

  {%- set fact = this.incorporate(type='table') -%}
  {{ run_hooks(pre_hooks) }}
  {%- if is_any_batch_touched() -%}
    {%- do expect_columns(fact, 'a full refresh makes the table anew', exactly=true) -%}
    {%- set parts = sql.split(end_of_touched()) -%}
    {%- call statement('touched') -%}
      create temporary table touched on commit drop as
      ({{ (touched_rows() + parts[:-1]) | join(') union (') }});
      analyze pg_temp.touched;
      {{ remember_touched(fact) }};
      {{ join_whole_if_most_are_touched(fact) }};
      delete from {{ fact }} where {{ is_of_touched() }}
    {%- endcall -%}
    {%- set looked_up = parts[-1].split(end_of_look_up()) -%}
    {%- if looked_up | length > 1 -%}
      {%- call statement('looked_up') -%}
        create temporary table looked_up on commit drop as {{ looked_up[0] }};
        analyze pg_temp.looked_up;
        set local enable_nestloop = off
      {%- endcall -%}
    {%- endif -%}
    {%- call statement('main') -%}
      {{ insert_rows(fact, looked_up[-1]) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
  {%- else -%}
    {%- do leave(fact) -%}
  {%- endif -%}
  {%- do adapter.commit() -%}
  {{ return({'relations': [fact]}) }}
{% endmaterialization %}

{# The planner guesses one row for what is in force of touched keys. To look other rows up for each is right where few are
   touched, and takes their square where most are: a first night, or one after a long pause. #}
{% macro join_whole_if_most_are_touched(fact) -%}
  select set_config('enable_nestloop', case when (select count(*) from pg_temp.touched) * 4 > reltuples then 'off' else 'on' end, true)
  from pg_class
  where oid = '{{ fact }}'::regclass
{%- endmacro %}

{# Whether a fact that is there already follows its touched keys now. Unit tests, and whoever only compiles, see all rows. #}
{% macro is_touching() -%}
  {%- set is_built = execute and flags.WHICH in ['build', 'run'] and model.resource_type == 'model' -%}
  {{ return(is_built and not should_full_refresh() and load_cached_relation(this) is not none) }}
{%- endmacro %}

{# The columns of the fact's key. #}
{% macro key_columns() -%}
  {%- set key = config.get('unique_key') -%}
  {{ return(key if key is string else key | join(', ')) }}
{%- endmacro %}

{% macro is_of_touched() -%}
  ({{ key_columns() }}) in (select {{ key_columns() }} from pg_temp.touched)
{%- endmacro %}

{# Queries of the touched keys in the versions that the model reads. #}
{% macro touched_rows() -%}
  {%- set queries = [] -%}
  {%- for versions in versions_behind(model) -%}
    {%- do queries.append('select distinct ' ~ key_columns() ~ ' from ' ~ versions.relation_name ~ ' where _is_touched') -%}
  {%- else -%}
    {{ exceptions.raise_compiler_error('nothing that ' ~ model.name ~ ' reads tells of ' ~ key_columns() ~ ' in its YAML') }}
  {%- endfor -%}
  {{ return(queries) }}
{%- endmacro %}

{# The relations of versions that a fact's rows come from: of those that it reads the ones that tell of its key. #}
{% macro versions_behind(fact) -%}
  {%- set found = [] -%}
  {%- set key = [fact.config.unique_key] if fact.config.unique_key is string else fact.config.unique_key or [] -%}
  {%- for parent in fact.depends_on.nodes if key and is_of_versions(parent) -%}
    {%- if key | reject('in', graph.nodes[parent].columns) | list == [] -%}
      {%- do found.append(graph.nodes[parent]) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro %}

{% macro is_of_versions(node_id) -%}
  {{ return(('.stg_' in node_id or '.union_' in node_id) and '.stg_ledger__' not in node_id) }}
{%- endmacro %}

{# The contracts whose rows are in what a model reads of versions. #}
{% macro contracts_behind(node) -%}
  {%- set found = [] -%}
  {%- for parent in node.depends_on.nodes -%}
    {%- if is_of_versions(parent) -%}
      {%- do found.extend(contracts_behind(graph.nodes[parent])) -%}
    {%- elif parent in graph.sources and graph.sources[parent].source_name == 'raw' -%}
      {%- do found.append(graph.sources[parent].meta.contract) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro %}

{# The batches that came or went since the last build, of all contracts whose rows are in what the model reads. #}
{% macro touched_batches() -%}
  select batch_id from {{ ledger_table('build_input') }}
  where is_touched and contract in (
    {%- for contract in contracts_behind(model) %}'{{ contract }}'{{ ', ' if not loop.last }}{% endfor -%}
  )
{%- endmacro %}

{% macro is_any_batch_touched() -%}
  {{ return(run_query('select exists (' ~ touched_batches() ~ ')').rows[0][0]) }}
{%- endmacro %}

{# A table stays as it is: the ledger hears of no rows. #}
{% macro leave(table) -%}
  {%- call statement('main') -%}
    delete from {{ table }} where false
  {%- endcall -%}
{%- endmacro %}

{# A query of keys that something else than their own rows touches. It stands before the model's select, and counts only
   where touched keys do:
     {% call also_touched() %} select dossier_key from … {% endcall %} #}
{% macro also_touched() -%}
  {%- set query = caller() -%}
  {%- if is_touching() -%}
    {{ query }}
    {{ end_of_touched() }}
  {%- endif -%}
{%- endmacro %}

{% macro end_of_touched() -%}
  {{ return('-- end of touched keys --') }}
{%- endmacro %}

{# The rows in force of a relation of versions; of touched keys only where the fact follows those. Each system's rows of a
   view are filtered by themselves: the planner takes no join through a union, and would read every row of every system. #}
{% macro versions(relation) -%}
  {%- if not is_touching() -%}
    select * from {{ relation }} where _is_in_force
  {%- else -%}
    {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ relation.identifier] -%}
    {%- set is_union = node.name.startswith('union_') and node.config.materialized == 'view' -%}
    {%- for part in node.depends_on.nodes if is_union %}
    select {{ node.columns.keys() | join(', ') }}
    from {{ graph.nodes[part].relation_name }}
    where _is_in_force and {{ is_of_touched() }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    select * from {{ relation }} where _is_in_force and {{ is_of_touched() }}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro %}

{# Versions of touched keys that are looked up beforehand, where much is made of them: the planner guesses that there are none,
   and would go through all of them for each at every step. It stands before the model's select, which reads them as
   `looked_up` of the same relation:
     {% call look_up() %} {{ versions(…) }} {% endcall %} #}
{% macro look_up() -%}
  {%- if is_touching() -%}
    {{ caller() }}
    {{ end_of_look_up() }}
  {%- endif -%}
{%- endmacro %}

{% macro looked_up(relation) -%}
  {% if is_touching() %}pg_temp.looked_up{% else %}({{ versions(relation) }}){% endif %}
{%- endmacro %}

{% macro end_of_look_up() -%}
  {{ return('-- end of what is looked up --') }}
{%- endmacro %}

{# The rows of another fact that has the same key; of touched keys only where this one follows those. #}
{% macro of_touched(relation) -%}
  {% if is_touching() %}(select * from {{ relation }} where {{ is_of_touched() }}){% else %}{{ relation }}{% endif %}
{%- endmacro %}

{# The newest version of each key: by the source's own time, where it tells one, then as the versions came. #}
{% macro newest(relation, key, version_by=none) -%}
  select distinct on ({{ key }}) *
  from (
    {{ versions(relation) }}
  ) as version
  order by {{ key }}, {{ newest_first(version_by) }}
{%- endmacro %}

{# A table's indexes are those of its config; if there are none, a fact's is on its key, and those of entries are on their key
   and on what they are renewed by. #}
{% macro postgres__create_indexes(relation) -%}
  {%- set key = config.get('unique_key') -%}
  {%- set of_key = {'columns': [key] if key is string else key, 'unique': model.config.materialized == 'fact'} -%}
  {%- set own = {'fact': [of_key], 'entries': [of_key, {'columns': ['_batch_id']}, {'columns': ['_is_touched']}]} -%}
  {%- for index in config.get('indexes') or own.get(model.config.materialized, []) -%}
    {%- do run_query(get_create_index_sql(relation, index)) -%}
  {%- endfor -%}
{%- endmacro %}

{# Joins the agency of a row as it was on a day, as `agency`; none for an agency that the seed does not know. #}
{% macro join_agency(row, day) -%}
  left join {{ ref('dim_agency') }} as agency
    on agency.agency_code = {{ row }}.agency_code
    and {{ row }}.{{ day }} between agency.valid_from and coalesce(agency.valid_to, 'infinity')
{%- endmacro %}
