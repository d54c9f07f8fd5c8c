{# The contracts as their dbt sources describe them, so that models know how often each is handed over. Drafts have none. #}
{% set contracts = graph.sources.values() | selectattr('source_name', 'equalto', 'raw') | selectattr('meta.contract', 'defined') | sort(attribute='name') if execute else [] %}
{% for source in contracts %}
select
  '{{ source.meta.contract }}' as contract,
  '{{ source.meta.system }}' as system,
  '{{ source.meta.title | replace("'", "''") }}' as title,
  {{ "'" ~ source.meta.frequency ~ "'" if source.meta.frequency else 'null' }}::text as frequency,
  {{ "'" ~ source.meta.end_of_life ~ "'" if source.meta.end_of_life else 'null' }}::date as end_of_life,
  {{ source.meta.load == 'full' }} as is_full_list,
  {{ source.meta.is_list_per_unit }} as is_list_per_unit
{{ 'union all' if not loop.last }}
{% endfor %}
