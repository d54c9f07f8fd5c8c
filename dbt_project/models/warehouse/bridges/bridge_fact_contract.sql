{# Which contracts feed which fact, as the models read each other: a fact reads staging itself or through its union. #}
{% set found = [] %}
{% for fact in (graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list if execute else []) if fact.name.startswith('fct_') %}
  {% set readers = [fact] %}
  {% for parent in fact.depends_on.nodes if '.union_' in parent %}
    {% do readers.append(graph.nodes[parent]) %}
  {% endfor %}
  {% for reader in readers %}
    {% for staging in reader.depends_on.nodes if '.stg_' in staging %}
      {% for source in graph.nodes[staging].depends_on.nodes if source in graph.sources and graph.sources[source].source_name == 'raw' %}
        {% do found.append((fact.name | replace('fct_', ''), graph.sources[source].meta.contract)) %}
      {% endfor %}
    {% endfor %}
  {% endfor %}
{% endfor %}
{% for fact, contract in found | unique | sort %}
select '{{ fact }}' as fact, '{{ contract }}' as contract
{{ 'union all' if not loop.last }}
{% endfor %}
