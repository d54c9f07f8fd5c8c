{# How rows are kept that releases share: each with the builds that it is of, from `from_build` to the one before `to_build`
   (empty: it still is), or, where the model's `kept_by` says so, with the releases. A release reads those that are its own,
   whatever later ones add. In a full refresh the table is made anew; the one before stays, under a name of its own, as long as
   a release reads it. Otherwise the model says in `touched_keys` which of its unique keys changed since the last build or
   release, and selects their rows: those that stood are closed, the others are added, in one transaction. Made again, it first
   undoes what was done since then. #}
{% materialization kept, adapter='postgres' %}
  {%- set kept = this.incorporate(type='table') -%}
  {%- set there = load_cached_relation(this) -%}
  {%- set since = kept_since() -%}
  {%- if not is_following() -%}
    {{ run_hooks(pre_hooks) }}
    {%- do make_anew(kept, there, sql, aside=generation(kept) if there else none) -%}
  {%- else -%}
    {%- set touched, rows = sql.split(end_of_touched()) -%}
    {%- call statement('touched') -%}
      delete from {{ kept }} where {{ since.from }} > {{ since.last }};
      update {{ kept }} set {{ since.to }} = null where {{ since.to }} > {{ since.last }};
      delete from {{ kept }} where {{ since.to }} <= {{ since.first_told_of }};
      create temporary table touched on commit drop as {{ touched }};
      analyze pg_temp.touched;
      {{ join_whole_if_most_are_touched(kept) }};
      update {{ kept }} set {{ since.to }} = {{ since.current }} where {{ since.to }} is null and {{ is_of_touched() }}
    {%- endcall -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
      {{ insert_rows(kept, rows) }}
    {%- endcall -%}
  {%- endif -%}
  {%- do drop_unread_generations(kept) -%}
  {{ run_hooks(post_hooks) }}
  {%- do adapter.commit() -%}
  {{ return({'relations': [kept]}) }}
{% endmaterialization %}

{# What a model keeps its rows by: the columns, the build or release that is being made, the last one, and the first that a
   release tells of: what closed by then is nobody's. #}
{% macro kept_since() -%}
  {%- if config.get('kept_by') == 'release' -%}
    {%- set last = last_release() -%}
    {{ return({
      'from': 'from_release', 'to': 'to_release', 'current': current_release(), 'last': last.release_id if last else 0,
      'first_told_of': "(select min(release_id) from " ~ ledger_table('release') ~ " where state in ('candidate', 'in_force', 'kept'))",
    }) }}
  {%- endif -%}
  {{ return({
    'from': 'from_build', 'to': 'to_build', 'current': current_build(), 'last': last_built(), 'first_told_of': first_told_of(),
  }) }}
{%- endmacro %}

{# Whether a model of kept rows follows its touched keys now; those of releases do, where there is one to go on from. #}
{% macro is_following() -%}
  {{ return(is_touching() and (config.get('kept_by') != 'release' or last_release() is not none)) }}
{%- endmacro %}

{# What the builds of kept rows are compared with. #}
{% macro current_build() -%}
  (select max(build_id) from {{ ledger_table('build') }})
{%- endmacro %}

{% macro last_built() -%}
  (
    select coalesce(max(build_id), 0) from {{ ledger_table('build') }}
    where state = 'built' and build_id < {{ current_build() }}
  )
{%- endmacro %}

{# The first build that a release tells of, and so rows that closed before it are nobody's. #}
{% macro first_told_of() -%}
  (
    select coalesce(min(build_id), {{ current_build() }}) from {{ ledger_table('release') }}
    where state in ('candidate', 'in_force', 'kept')
  )
{%- endmacro %}

{% macro ledger_table(name) -%}
  {{ api.Relation.create(schema='ledger', identifier=name) }}
{%- endmacro %}

{# The kept rows that a release reads: those of the build that it is made from, and its own. #}
{% macro of_build(kept) -%}
  {{ of_number(kept, 'build', current_build()) }}
{%- endmacro %}

{% macro of_release(kept) -%}
  {{ of_number(kept, 'release', current_release()) }}
{%- endmacro %}

{% macro of_number(kept, kept_by, current) -%}
  {%- set number = number_of(current) -%}
  (
    select * from {{ kept }}
    where from_{{ kept_by }} <= {{ number }} and (to_{{ kept_by }} is null or to_{{ kept_by }} > {{ number }})
  )
{%- endmacro %}

{# The number that a view of a release names. Whoever only compiles needs no database. #}
{% macro number_of(current) -%}
  {{ return(run_query('select ' ~ current).rows[0][0] if is_run() else 0) }}
{%- endmacro %}

{% macro is_run() -%}
  {{ return(execute and flags.WHICH in ['build', 'run']) }}
{%- endmacro %}

{# The release that marts are being made for. #}
{% macro current_release() -%}
  (select max(release_id) from {{ ledger_table('release') }})
{%- endmacro %}

{# The release that the next one goes on from: the newest that is told of, as `release_id`, `build_id`, `schema_name` and
   `business_date`. None in a full refresh, nor if there was one since its build: models or seeds may be others; nor if it lacks
   the mart that asks for it. #}
{% macro last_release(mart='counted_period') -%}
  {%- if not is_run() or flags.FULL_REFRESH -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set query -%}
    select release_id, build_id, schema_name, business_date, to_regclass(format('%I.%I', schema_name, '{{ mart }}')) as mart
    from {{ ledger_table('release') }} as told
    where state in ('in_force', 'kept') and not exists (
      select from {{ ledger_table('build') }} as since where since.build_id > told.build_id and since.is_full_refresh
    )
    order by release_id desc
    limit 1
  {%- endset -%}
  {%- set found = run_query(query).rows | first -%}
  {{ return(found if found and found.mart else none) }}
{%- endmacro %}

{# A mart as it is in the release that this one goes on from. #}
{% macro of_last_release(mart) -%}
  {{ api.Relation.create(schema=last_release().schema_name, identifier=mart) }}
{%- endmacro %}

{# By what movements moved otherwise than they did in a build. #}
{% macro moved_since(build_id) -%}
  select agency_code, movement_date, is_adjustment
  from {{ ref('kept_movement') }}
  where from_build > {{ build_id }} or to_build > {{ build_id }}
  group by metric, agency_code, detail, movement_date, counted_key, is_adjustment, parameter_set
  having sum(amount) filter (where to_build is null) is distinct from sum(amount) filter (where from_build <= {{ build_id }})
{%- endmacro %}

{# Where the table of kept rows stays that is followed by a new one. #}
{% macro generation(kept) -%}
  {%- set oid = run_query("select '" ~ kept ~ "'::regclass::oid").rows[0][0] -%}
  {{ return(kept.incorporate(path={'identifier': kept.identifier ~ '__' ~ oid})) }}
{%- endmacro %}

{# Drop the tables before this one that no release reads any more. #}
{% macro drop_unread_generations(kept) -%}
  {%- set unread -%}
    select relname from pg_class as generation
    where relnamespace = '{{ kept.schema }}'::regnamespace and relname ~ '^{{ kept.identifier }}__[0-9]+$' and relkind = 'r'
      and not exists (
        select from pg_depend where refobjid = generation.oid and classid = 'pg_rewrite'::regclass
      )
  {%- endset -%}
  {%- for row in run_query(unread) -%}
    {%- do run_query('drop table ' ~ kept.incorporate(path={'identifier': row[0]})) -%}
  {%- endfor -%}
{%- endmacro %}

{# Tell the planner of the rows. Where few were added to many, only of which releases they are is another than before: the
   server looks at the rest by itself, when more have changed. #}
{% macro analyze_mart() -%}
  {%- if model.config.materialized == 'kept' and is_following() -%}
    analyze {{ this }} (from_release, to_release)
  {%- elif model.config.materialized in ('table', 'kept') -%}
    analyze {{ this }}
  {%- endif -%}
{%- endmacro %}

{# The touched keys of a model of kept rows, where it follows them; it stands before the model's select. #}
{% macro touched_keys() -%}
  {%- if is_following() -%}
    {{ caller() }}
    {{ end_of_touched() }}
  {%- endif -%}
{%- endmacro %}

{# Write down what a build touched of a fact, for those that follow its rows: keys, or that it may be any of them: where most
   are touched, or have another key than one that tells a row by itself. #}
{% macro remember_touched(fact) -%}
  {%- set key = config.get('unique_key') -%}
  {%- set tells_row = key is string and model.columns[key].data_type == 'uuid' -%}
  delete from {{ ledger_table('touched_key') }} where fact = '{{ fact.identifier }}';
  insert into {{ ledger_table('touched_key') }} (fact, build_id, key)
  select distinct '{{ fact.identifier }}', {{ current_build() }}, {{ 'case when not are_most then ' ~ key ~ ' end' if tells_row else 'null::uuid' }}
  from pg_temp.touched
  cross join (
    select (select count(*) from pg_temp.touched) * 4 > reltuples as are_most from pg_class where oid = '{{ fact }}'::regclass
  ) as size
{%- endmacro %}

{# How each movement is followed in this build: 'whole', or 'by_key' where the touched keys of its facts are known and it tells
   of keys. What none of its facts touched is not there. #}
{% macro touched_movements(movements) -%}
  {%- set touched, whole = [], [] -%}
  {%- if is_touching() -%}
    {%- set query -%}
      select fact, bool_or(key is null) from {{ ledger_table('touched_key') }} where build_id = {{ current_build() }} group by fact
    {%- endset -%}
    {%- for fact, is_whole in run_query(query).rows -%}
      {%- do (whole if is_whole else touched).append(fact) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- set found = {} -%}
  {%- for movement in movements -%}
    {%- set node = node_of(movement) -%}
    {%- set facts = facts_of(node) -%}
    {%- set some, all = facts | select('in', touched) | list, facts | select('in', whole) | list -%}
    {%- if not is_touching() or not facts or all or some and 'fact_key' not in node.columns -%}
      {%- do found.update({movement.identifier: 'whole'}) -%}
    {%- elif some -%}
      {%- do found.update({movement.identifier: 'by_key'}) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro %}

{# Of the touched keys the ones that a movement's facts have. #}
{% macro touched_of(movement) -%}
  (
    select key from {{ ledger_table('touched_key') }}
    where build_id = {{ current_build() }} and fact in ('{{ facts_of(node_of(movement)) | join("', '") }}')
  ) as touched_key
{%- endmacro %}

{# The key by which a movement's rows follow those of its fact; zeros where it tells none. #}
{% macro fact_key_of(movement) -%}
  {{ 'fact_key' if 'fact_key' in node_of(movement).columns else "'00000000-0000-0000-0000-000000000000'::uuid" }}
{%- endmacro %}

{# The node of a model; while dbt only looks what a model depends on, one that tells nothing. #}
{% macro node_of(relation) -%}
  {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ relation.identifier] if execute else {'columns': {}, 'depends_on': {'nodes': []}}) }}
{%- endmacro %}

{# The facts of a movement; none if it reads a table that is built again every night. #}
{% macro facts_of(movement) -%}
  {%- set found = [] -%}
  {%- for parent in movement.depends_on.nodes if parent in graph.nodes and graph.nodes[parent].name.startswith('fct_') -%}
    {%- if graph.nodes[parent].config.materialized != 'fact' -%}
      {{ return([]) }}
    {%- endif -%}
    {%- do found.append(graph.nodes[parent].name) -%}
  {%- endfor -%}
  {{ return(found) }}
{%- endmacro %}

{# The keys of a fact that this build touched; where it may be any of them, all that are there and all that were kept. #}
{% macro touched_of_fact(fact, key, kept) -%}
  {%- set touched = 'select key as ' ~ key ~ ' from ' ~ ledger_table('touched_key') ~ ' where build_id = ' ~ current_build() ~ " and fact = '" ~ fact.identifier ~ "'" -%}
  {{ touched }} and key is not null
  {%- for relation in [fact, kept] | unique %}
  union
  select {{ key }} from {{ relation }} where exists ({{ touched }} and key is null)
  {%- endfor %}
{%- endmacro %}

{# The keys of rows that came or went since a build. #}
{% macro touched_since(kept, key, build_id) -%}
  select {{ key }} from {{ kept }} where from_build > {{ build_id }}
  union
  select {{ key }} from {{ kept }} where to_build > {{ build_id }}
{%- endmacro %}

{# The rows of some keys as they were in a build. #}
{% macro of_moved(kept, key, moved, build_id) -%}
  select * from {{ kept }}
  where {{ key }} = any(array(select {{ key }} from {{ moved }}))
    and from_build <= {{ build_id }} and (to_build is null or to_build > {{ build_id }})
{%- endmacro %}
