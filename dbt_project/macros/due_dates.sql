{# When a dossier is due at the latest: after the longest time of its procedure, as `latest (due_at, is_provisional)`; empty where
   the list does not tell that time, and `where` it is not asked for. #}
{% macro join_latest_due(dossier, agency_code, procedure, where) -%}
  left join lateral (
    select counted.due_at, counted.is_provisional
    from {{ function('deadline') }}(
      {{ dossier }}.received_at,
      {{ procedure }}.takes_amount,
      case {{ procedure }}.takes_unit when 'working_days' then 'd' when 'hours' then 'h' else 'cd' end,
      {{ agency_code }},
      {{ procedure }}.procedure_code,
      null,
      null
    ) as counted
    where {{ procedure }}.takes_amount is not null and {{ where }}
  ) as latest on true
{%- endmacro %}

{# The systems whose contracts say that missing due dates are filled. While dbt only looks what a model depends on, any does. #}
{% macro systems_that_fill_due_dates() -%}
  {%- if not execute -%}
    {{ return(['']) }}
  {%- endif -%}
  {%- set found = [] -%}
  {%- for source in graph.get('sources', {}).values() if source.source_name == 'raw' and source.meta.fills_due_dates -%}
    {%- do found.append(source.meta.system) -%}
  {%- endfor -%}
  {{ return(found | unique | sort) }}
{%- endmacro %}

{# The dossiers that a touched list of procedures bears on: what its unit received while it holds and after it, and its
   procedures anywhere. Where days begin earlier than here, that is up to a day earlier. #}
{% macro dossiers_of_touched_lists() -%}
  with listed as (
    select distinct agency_code, procedure_code, list_date
    from {{ ref('stg_one_stop__procedures') }}
    where _is_touched
  ), unit_list as (
    select agency_code, min(list_date) as list_date from listed group by agency_code
  ), procedure_list as (
    select procedure_code, min(list_date) as list_date from listed group by procedure_code
  )

  select dossier.dossier_key
  from {{ ref('union_dossier') }} as dossier
  join {{ ref('dim_agency') }} as agency on agency.agency_code = dossier.agency_code
  join unit_list on unit_list.agency_code = agency.unit_agency_code
  where coalesce(dossier.received_at, dossier.submitted_at, dossier.updated_at) >= unit_list.list_date - 1

  union

  select dossier.dossier_key
  from {{ ref('union_dossier') }} as dossier
  join procedure_list on procedure_list.procedure_code = dossier.procedure_code
  where coalesce(dossier.received_at, dossier.submitted_at, dossier.updated_at) >= procedure_list.list_date - 1
{%- endmacro %}
