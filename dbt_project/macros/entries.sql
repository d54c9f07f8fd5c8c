{# How a union is kept as a table: where a key is computed, no index of raw rows finds the versions of a touched one. A full
   refresh builds it whole, of what is in force, and as not touched: all facts are built anew with it. Otherwise rows of
   batches that came or went are read again, and of those that did so the last time: these are no longer touched, or no
   longer there. While no batch comes or goes the rows of the last that did still say that they are touched: a fact that reads
   them then builds some keys again, to the same rows. #}
{% materialization entries, adapter='postgres' %}
  {%- if not is_touching() -%}
    {{ return(materialization_table_postgres()) }}
  {%- endif -%}

  {%- set entries = this.incorporate(type='table') -%}
  {{ run_hooks(pre_hooks) }}
  {%- call statement('batches') -%}
    create temporary table renewed on commit drop as
    {{ touched_batches() }}
    union
    select _batch_id from {{ entries }} where _is_touched;
    analyze pg_temp.renewed;
    delete from {{ entries }} where _batch_id in (select batch_id from pg_temp.renewed)
  {%- endcall -%}
  {%- call statement('main') -%}
    {{ insert_rows(entries, sql) }}
  {%- endcall -%}
  {{ run_hooks(post_hooks) }}
  {%- do adapter.commit() -%}
  {{ return({'relations': [entries]}) }}
{% endmaterialization %}
