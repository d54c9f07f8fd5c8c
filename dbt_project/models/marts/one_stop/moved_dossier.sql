{{ config(indexes=[{'columns': ['dossier_key'], 'unique': true}]) }}
-- depends_on: {{ ref('kept_stretch') }}, {{ ref('system_told') }}, {{ ref('figure_coverage') }}
{% set last = last_release('system_told') %}
{% if last %}
with told as (
  -- What had ended by then stands where it stood at the end of any period.
  select
    system,
    least(
      coalesce(now.told_to, '-infinity'), coalesce(before.told_to, '-infinity'),
      (select max(business_date) from {{ ref('figure_coverage') }}), '{{ last.business_date }}'
    ) as both_told_to
  from {{ ref('system_told') }} as now
  full join {{ of_last_release('system_told') }} as before using (system)
)

{{ touched_since(ref('kept_stretch'), 'dossier_key', last.build_id) }}
union
select dossier_key from {{ ref('kept_stretch') }} where ended_date is null and to_build is null
union
select stretch.dossier_key
from told
join {{ ref('kept_stretch') }} as stretch on stretch.ended_date > told.both_told_to
where stretch.system = told.system and stretch.to_build is null
{% else %}
select null::uuid as dossier_key where false
{% endif %}
