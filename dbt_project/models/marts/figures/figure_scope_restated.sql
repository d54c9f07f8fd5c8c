{{ config(post_hook="{{ create_figures_function('figures_restated', this) }}") }}
-- depends_on: {{ ref('figure_metric') }}, {{ ref('figure_coverage') }}, {{ ref('figure_movement') }}, {{ ref('report_parameter') }}
select
  scope_agency_code,
  agency_code,
  agency_level,
  agency_name,
  short_name,
  depth,
  valid_from,
  valid_to,
  false as is_restated,
  null::text as mixed_with,
  is_unit
from {{ ref('figure_scope') }}

union all

select
  bridge.scope_agency_code,
  bridge.agency_code,
  agency.agency_level,
  bridge.title,
  agency.short_name,
  bridge.depth,
  bridge.valid_from,
  bridge.valid_to,
  true,
  bridge.mixed_with,
  agency.is_unit
from {{ ref('bridge_agency_restated') }} as bridge
left join {{ ref('dim_agency') }} as agency
  on agency.agency_code = bridge.agency_code
  and bridge.valid_from between agency.valid_from and coalesce(agency.valid_to, 'infinity')
