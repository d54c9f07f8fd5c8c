{# One spelling of words that people type: composed, in lower case, one space between them. #}
{% macro folded_words(column) -%}
  regexp_replace(lower(btrim(normalize({{ column }}, nfc))), '\s+', ' ', 'g')
{%- endmacro %}

{# How long a procedure may take, as `taken (amount, unit)`: `5 ngày làm việc`, `0,5 ngày làm việc`, `8 giờ`, `15 ngày`.
   Whatever else stands there is not guessed: both are null. #}
{% macro join_takes(column) -%}
  cross join lateral (
    select
      replace(part[1], ',', '.')::numeric as amount,
      case part[2]
        when 'ngày làm việc' then 'working_days'
        when 'ngày' then 'calendar_days'
        else case when part[2] is not null then 'hours' end
      end as unit
    from (
      select regexp_match({{ folded_words(column) }}, '^(\d{1,3}(?:[.,]\d)?) (ngày làm việc|ngày|giờ làm việc|giờ)$') as part
    ) as matched
  ) as taken
{%- endmacro %}

{# The levels that decide a procedure, as `decided (levels)`: `Cấp tỉnh; Cấp xã` is both. Null where any word is none. #}
{% macro join_levels(column) -%}
  cross join lateral (
    select case when bool_and(level is not null) then array_agg(level) end as levels
    from (
      select
        case word
          when 'cấp bộ' then 'ministry'
          when 'cấp tỉnh' then 'province'
          when 'cấp huyện' then 'district'
          when 'cấp xã' then 'commune'
        end as level
      from unnest(regexp_split_to_array({{ folded_words(column) }}, ' ?[;,] ?')) as listed (word)
    ) as known
  ) as decided
{%- endmacro %}

{# How many procedures are offered from one day to another (`day`, `next_day`), by these columns of fct_procedure_offering: each
   is counted once, however many lists tell of it. A period looks up its last day, so that no offer meets every period. #}
{% macro procedures_offered(by, which='true') -%}
select
    {{ by }}, step.day,
    lead(step.day) over running as next_day,
    sum(sum(step.amount)) over running as procedure_count
  from (
    select {{ by }}, unnest(range_agg({{ days('valid_from', 'valid_to') }})) as days
    from {{ ref('fct_procedure_offering') }}
    where {{ which }}
    group by {{ by }}, procedure_code
  ) as offered
  cross join lateral (values (lower(days), 1), (upper(days), -1)) as step (day, amount)
  group by {{ by }}, step.day
  window running as (partition by {{ by }} order by step.day)
{%- endmacro %}
