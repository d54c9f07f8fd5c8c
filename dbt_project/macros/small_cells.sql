{# Which cells others than their unit don't see: counts from 1 up to `small_count`, and as many more as keep anybody from working
   those out (complementary suppression).

   What is known of hidden cells from elsewhere: the sum over the units of one level below the same agency, for any day and
   detail; that a part is no more than its whole; and that a cell was hidden by this rule. So all parts of a whole are shown of a
   unit and month, or none of them: then nothing is told of the hidden ones but their whole. Units are hidden from the smallest
   one on until the sum of the hidden ones leaves each small cell more than one value; where no number of them does so, all are.

   `cell` is a relation (family, metric, group_key, unit, value, whole, is_forced): a family's metrics are hidden together,
   `whole` is what none of them exceeds (null: unknown), a unit that `is_forced` is hidden whatever it has. Gives
   (family, group_key, unit) of what is hidden. #}
{% macro hidden_units(cell) -%}
{%- set least = var('small_count') -%}
  with each_unit as (
    select family, group_key, unit, bool_or(is_forced or (value <> 0 and value < {{ least }})) as is_first, max(value) as top
    from {{ cell }}
    group by family, group_key, unit
  ), placed as (
    select
      *,
      row_number() over (partition by family, group_key order by not is_first, top = 0, unit) as place,
      sum(is_first::integer) over (partition by family, group_key) as first_count
    from each_unit
  ), so_far as (
    -- Of each metric, what is hidden up to a unit; also where it has no cell of one.
    select
      placed.family, placed.group_key, placed.unit, placed.place, placed.first_count,
      count(cell.value) over upto as cells,
      count(*) filter (where cell.value <> 0 and cell.value < {{ least }}) over upto as small_cells,
      count(*) filter (where cell.value >= {{ least }}) over upto as large_cells,
      coalesce(sum(greatest(cell.value, 0)) over upto, 0) as total,
      coalesce(sum(coalesce(cell.whole, 'infinity')) filter (where cell.value >= {{ least }}) over upto, 0) as most
    from placed
    join (select distinct family, group_key, metric from {{ cell }}) as metric using (family, group_key)
    left join {{ cell }} as cell using (family, group_key, metric, unit)
    where placed.first_count > 0
    window upto as (partition by placed.family, placed.group_key, metric.metric order by placed.place)
  ), judged as (
    select
      family, group_key, unit, place,
      place >= first_count and bool_and(
        small_cells = 0 or (
          cells > 1
          -- The smallest and the largest value that the sum leaves to a small cell.
          and greatest(1, total - most - {{ least - 1 }} * (small_cells - 1))
            < least({{ least - 1 }}, total - {{ least }} * large_cells - (small_cells - 1))
        )
      ) as is_safe
    from so_far
    group by family, group_key, unit, place, first_count
  ), cut as (
    select
      family, group_key, unit, place,
      coalesce(
        min(place) filter (where is_safe) over (partition by family, group_key),
        max(place) over (partition by family, group_key)
      ) as last_place
    from judged
  )
  select family, group_key, unit from cut where place <= last_place
{%- endmacro %}
