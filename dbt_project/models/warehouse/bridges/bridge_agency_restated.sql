with unit as (
  select agency_code, unit_code, agency_level, valid_from, valid_to from {{ ref('dim_agency') }} where is_unit
), transition as (
  -- A unit's code may be another unit's at another time: each is looked up on its own day.
  select
    walk.effective_date,
    walk.old_ward_code, walk.old_district_code, walk.old_province_code,
    walk.new_ward_code, walk.new_ward_name, walk.new_province_name,
    walk.old_ward_name || ' (' || walk.old_district_name || ')' as old_ward_title,
    old_ward.agency_code as old_ward,
    old_ward.valid_from as old_ward_valid_from,
    old_district.agency_code as old_district,
    old_province.agency_code as old_province,
    new_ward.agency_code as new_ward,
    new_ward.valid_to as new_ward_valid_to,
    new_province.agency_code as new_province
  from {{ ref('commune_crosswalk') }} as walk
  {% for unit, level, day in [
    ('old_ward', 'commune', 'walk.effective_date - 1'),
    ('old_district', 'district', 'walk.effective_date - 1'),
    ('old_province', 'province', 'walk.effective_date - 1'),
    ('new_ward', 'commune', 'walk.effective_date'),
    ('new_province', 'province', 'walk.effective_date')
  ] %}
  left join unit as {{ unit }}
    on {{ unit }}.unit_code = walk.{{ unit }}_code
    and {{ unit }}.agency_level = '{{ level }}'
    and {{ day }} between {{ unit }}.valid_from and coalesce({{ unit }}.valid_to, 'infinity')
  {% endfor %}
), made_of as (
  -- What a commune of after was made of. One of before that went to several is not told apart.
  select
    transition.new_ward as scope_agency_code, transition.old_ward as agency_code, transition.old_ward_title as title,
    0 as depth, transition.old_ward_valid_from as valid_from, transition.effective_date - 1 as valid_to,
    string_agg(distinct others.new_ward_name, ', ') as mixed_with
  from transition
  left join transition as others
    on others.old_ward_code = transition.old_ward_code
    and others.effective_date = transition.effective_date
    and others.new_ward_code <> transition.new_ward_code
  where transition.new_ward is not null
  group by 1, 2, 3, 4, 5, 6
), became as (
  -- What a unit of before has become. A commune of after that holds others too says nothing about it.
  select
    old.scope_agency_code, transition.new_ward as agency_code, transition.new_ward_name as title,
    old.depth, transition.effective_date as valid_from, transition.new_ward_valid_to as valid_to,
    string_agg(distinct others.old_ward_title, ', ') as mixed_with
  from transition
  cross join lateral (
    values ('commune', old_ward, 0), ('district', old_district, 1), ('province', old_province, 2)
  ) as old (agency_level, scope_agency_code, depth)
  left join transition as others
    on others.new_ward_code = transition.new_ward_code
    and others.effective_date = transition.effective_date
    and case old.agency_level
      when 'commune' then others.old_ward_code <> transition.old_ward_code
      when 'district' then others.old_district_code <> transition.old_district_code
      when 'province' then others.old_province_code <> transition.old_province_code
    end
  where old.scope_agency_code is not null
  group by 1, 2, 3, 4, 5, 6
), province as (
  select distinct old_province, new_province, new_province_name, effective_date
  from transition
  where old_province is not null and new_province is not null
), province_made_of as (
  -- A province of after has the agencies of those of before, their districts' too.
  select
    province.new_province as scope_agency_code, member.agency_code, agency.agency_name as title,
    member.depth + 1 as depth, member.valid_from, least(member.valid_to, province.effective_date - 1) as valid_to,
    string_agg(distinct others.new_province_name, ', ') as mixed_with
  from province
  join {{ ref('bridge_agency') }} as member
    on member.scope_agency_code = province.old_province and member.valid_from < province.effective_date
  join {{ ref('dim_agency') }} as agency
    on agency.agency_code = member.agency_code
    and member.valid_from between agency.valid_from and coalesce(agency.valid_to, 'infinity')
  left join province as others
    on others.old_province = province.old_province
    and others.effective_date = province.effective_date
    and others.new_province <> province.new_province
  group by 1, 2, 3, 4, 5, 6
)

select scope_agency_code, agency_code, title, depth, valid_from, valid_to, mixed_with from made_of
union all
select scope_agency_code, agency_code, title, depth, valid_from, valid_to, mixed_with from became
union all
select scope_agency_code, agency_code, title, depth, valid_from, valid_to, mixed_with from province_made_of
