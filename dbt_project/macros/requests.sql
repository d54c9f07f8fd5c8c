{# What a dossier was asked to supplement, by itself and by the list of requests: a row per dossier and day. An answer from
   before the request is another's. `told_date` is the first day on which the request was told, _batch_id and _row_number
   are the row that did.
   `version`: versions of dossiers with requested_at, requested_date, answered_at, answered_date, told_date and their row #}
{% macro dossier_requests(version) -%}
  select
    dossier_key,
    requested_date,
    coalesce(
      max(answered_date) filter (where answered_date >= requested_date),
      lead(requested_date) over (partition by dossier_key order by requested_date)
    ) as answered_date,
    min(requested_at) as requested_at,
    coalesce(
      max(answered_at) filter (where answered_date >= requested_date),
      lead(min(requested_at)) over (partition by dossier_key order by requested_date)
    ) as answered_at,
    min(told_date) as told_date,
    (array_agg(_batch_id order by told_date, _batch_id))[1] as _batch_id,
    (array_agg(_row_number order by told_date, _batch_id))[1] as _row_number
  from (
    select dossier_key, requested_date, answered_date, requested_at, answered_at, told_date, _batch_id, _row_number
    from {{ version }}
    where requested_date is not null
    union all
    select
      listed.dossier_key,
      {{ day_of('listed.requested_at', 'place') }},
      {{ day_of('listed.supplemented_at', 'place') }},
      listed.requested_at,
      listed.supplemented_at,
      {{ told_on('listed.first_updated_at', 'listed.first_business_date', 'place') }},
      listed.first_batch_id,
      listed.first_row_number
    from (
      -- The newest version of each, and the first one that told of the same request.
      select distinct on (supplement_key, dossier_key)
        supplement.*,
        {% for column in ['updated_at', '_business_date', '_batch_id', '_row_number'] -%}
        first_value({{ column }}) over of_request as first_{{ column.lstrip('_') }}{{ ',' if not loop.last }}
        {% endfor -%}
      from (
        {{ versions(ref('stg_one_stop__supplements')) }}
      ) as supplement
      window of_request as (
        partition by supplement_key, dossier_key, requested_at order by _business_date, _arrival_id, _row_number
      )
      order by supplement_key, dossier_key, {{ newest_first('updated_at') }}
    ) as listed
    left join {{ ref('dim_system') }} as place using (system)
  ) as asked
  group by dossier_key, requested_date
{%- endmacro %}

{# The day that the source changed a version; none comes from after the day that its delivery is of. #}
{% macro told_on(updated_at, business_date, place) -%}
  least({{ day_of(updated_at, place) }}, {{ business_date }})
{%- endmacro %}
