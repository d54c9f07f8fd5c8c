-- Points of a unit are added up over the defaults: on any day each metric has just one.
select one.metric_code, one.formula_version, other.formula_version as other_version
from {{ ref('dim_scoring_metric') }} as one
left join {{ ref('dim_scoring_metric') }} as other
  on other.metric_code = one.metric_code
  and other.is_default
  and (other.formula_version, other.valid_from) <> (one.formula_version, one.valid_from)
  and other.valid_from <= coalesce(one.valid_to, 'infinity')
  and coalesce(other.valid_to, 'infinity') >= one.valid_from
where one.is_default = (other.metric_code is not null)
