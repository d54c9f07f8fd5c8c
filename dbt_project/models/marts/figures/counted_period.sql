-- depends_on: {{ ref('figure_told') }}, {{ ref('kept_movement') }}, {{ ref('report_parameter') }}
{% set last = last_release() %}
{% set days = ['delivered_to', 'told_to', 'as_of', 'expected_as_of'] %}
with told as (
  {{ told_scopes() }}
), now as (
  select {{ number_of(current_release()) }}::bigint as release_id, max(business_date) as business_date from {{ ref('figure_coverage') }}
)
{% if last %}
, source_change as (
  -- Figures of a period see no more of these days than whether they lie within it.
  select
    agency_code,
    least(
      case when now is null or before is null or (
        now.operated_to, now.frequency, now.end_of_life, now.is_full_list, now.is_expected, now.covered_from
      ) is distinct from (
        before.operated_to, before.frequency, before.end_of_life, before.is_full_list, before.is_expected, before.covered_from
      ) then '-infinity'::date end
      {%- for day in days %},
      case when now.{{ day }} is distinct from before.{{ day }}
        then least(coalesce(now.{{ day }}, '-infinity'), coalesce(before.{{ day }}, '-infinity'))
      end
      {%- endfor %}
    ) as same_to
  from {{ ref('figure_coverage') }} as now
  full join {{ of_last_release('figure_coverage') }} as before using (fact, contract, agency_code, operated_from)
), told_change as (
  select agency_code, least(coalesce(now.told_to, '-infinity'), coalesce(before.told_to, '-infinity')) as same_to
  from {{ ref('figure_told') }} as now
  full join {{ of_last_release('figure_told') }} as before using (metric, agency_code)
  where now.told_to is distinct from before.told_to
), movement_change as (
  select agency_code, movement_date - 1 as same_to from ({{ moved_since(last.build_id) }}) as moved
), same as (
  -- The last day up to which all is as it was.
  select agency_code, min(same_to) as same_to
  from (
    select * from source_change
    union all
    select * from told_change
    union all
    select * from movement_change
  ) as change
  where same_to is not null
  group by agency_code
), changed as (
  select told.scope_agency_code, told.scheme, told.period_code
  from told
  join {{ ref('figure_scope') }} as scope
    on scope.scope_agency_code = told.scope_agency_code
    and scope.valid_from <= told.to_date
    and coalesce(scope.valid_to, 'infinity') >= told.from_date
  join same on same.agency_code = scope.agency_code and same.same_to < told.to_date
  union
  select scope_agency_code, scheme, period_code
  from {{ ref('report_parameter') }} as now
  full join {{ of_last_release('report_parameter') }} as before using (scope_agency_code, scheme, period_code)
  where now.parameter_set is distinct from before.parameter_set
), carried as (
  -- A period that was open then, or is open now, is counted up to another day.
  select before.*
  from {{ of_last_release('counted_period') }} as before
  cross join now
  where before.to_date <= least(now.business_date, '{{ last.business_date }}')
    and (scope_agency_code, scheme, period_code) not in (select * from changed)
)
{% endif %}

select
  told.scope_agency_code,
  told.scheme,
  told.period_code,
  told.from_date,
  told.to_date,
  {% if last %}coalesce(carried.release_id, now.release_id){% else %}now.release_id{% endif %} as release_id,
  {% if last %}coalesce(carried.business_date, now.business_date){% else %}now.business_date{% endif %} as business_date
from told
cross join now
{% if last %}
left join carried using (scope_agency_code, scheme, period_code)
{% endif %}
