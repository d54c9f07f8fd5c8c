{# The system that counts a dossier: its own, unless the dossier names the same case of a ministry's system and that one leads for
   its procedure on the day of its reception. A rule for the procedure itself comes before one for all.
     place: the row of dim_system that is joined to it #}
{% macro leading_system(dossier, place) -%}
  case when {{ dossier }}.ministry_dossier_code is null then {{ dossier }}.system else coalesce(
    (
      select leader.leading_system
      from {{ ref('dim_leading_system') }} as leader
      where coalesce(leader.procedure_code, {{ dossier }}.procedure_code) = {{ dossier }}.procedure_code
        and {{ day_of(dossier ~ '.received_at', place) }}
          between leader.valid_from and coalesce(leader.valid_to, 'infinity')
      order by leader.procedure_code nulls last
      limit 1
    ),
    {{ dossier }}.system
  ) end
{%- endmacro %}
