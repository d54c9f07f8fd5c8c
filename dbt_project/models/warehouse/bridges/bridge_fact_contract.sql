{# Which contracts feed which fact, as the models read each other. #}
{% set found = [] %}
{% for fact in (graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | list if execute else []) if fact.name.startswith('fct_') %}
  {% for versions in versions_behind(fact) %}
    {% for contract in contracts_behind(versions) %}
      {% do found.append((fact.name | replace('fct_', ''), contract)) %}
    {% endfor %}
  {% endfor %}
{% endfor %}
{% for fact, contract in found | unique | sort %}
select '{{ fact }}' as fact, '{{ contract }}' as contract
{{ 'union all' if not loop.last }}
{% endfor %}
