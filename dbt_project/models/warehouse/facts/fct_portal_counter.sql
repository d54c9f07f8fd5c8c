{{ config(
  materialized='incremental', incremental_strategy='touched_keys', unique_key='counter_key',
  indexes=[{'columns': ['counter_key'], 'unique': true}]
) }}
{% set touched = ref('touched_portal_counter') %}
with version as (
  {{ in_force(ref('union_portal_counter'), 'counter_key', touched) }}
), newest as (
  select distinct on (counter_key) *
  from version
  order by counter_key, {{ newest_first() }}
)

select
  newest.counter_key,
  newest.system,
  agency.agency_key,
  newest.agency_code,
  newest.counter,
  newest.counted_on,
  newest.year_to_date,
  newest.since_opening,
  newest._batch_id,
  newest._row_number
from newest
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = newest.agency_code
  and newest.counted_on between agency.valid_from and coalesce(agency.valid_to, 'infinity')
