{# How a union is kept as a table: where a key is computed, no index of raw rows finds the versions of a touched one. In a full
   refresh it is built whole. Otherwise rows of batches that came or went are read again, and of those that did so at the last
   time: their rows are no longer touched, or no longer there. While no batch comes or goes the rows of the last that did
   still say that they are touched: facts that read them then build some keys again, to the same rows. #}
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
