"""Nobody works a small count of another unit out of what is shown: not from sums, parts, or the rule itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations_with_replacement, product

import psycopg
import pytest

from kho.settings import Settings
from kho.transform.project import read

SMALL = range(1, 5)
MADE = """
create temporary table figure_metric on commit drop as
  select metric, metric as title, 'dossier' as fact, true as is_additive_over_units, true as is_additive_over_time,
    null::integer as divisor, '' as unit_title
  from unnest(array['whole', 'part', 'rest', 'other']) as metric;
create temporary table dim_metric_part on commit drop as
  select metric, 'whole' as whole from unnest(array['part', 'rest']) as metric;
create temporary table code_title on commit drop as select '' as domain, '' as code, '' as title;
create temporary table dim_code_title on commit drop as select * from code_title;
create temporary table told (month integer, unit text, metric text, value integer) on commit drop;
create temporary table agency on commit drop as
  select unit as agency_code, unit as agency_name, 'commune' as agency_level, '' as level_title, '' as province_name,
    '' as district_name, true as is_unit, 'd' as parent_agency_code, '0001-01-01'::date as valid_from, null::date as valid_to,
    null::date as followed_from
  from unnest(array['a', 'b', 'c', 'd']) as unit;
create temporary table dim_agency on commit drop as select * from agency;
"""
FIGURES = """
create temporary table report_figure on commit drop as
  select 'calendar' as scheme, '' as detail, 'measured' as state, 'commune' as level, unit as scope_agency_code, metric,
    to_char(from_date, 'YYYY-MM') as period_code, from_date, (from_date + interval '1 month - 1 day')::date as to_date,
    (from_date + interval '1 month - 1 day')::date as as_of, value
  from (select *, ('1000-01-01'::date + month * interval '1 month')::date as from_date from told) as dated
"""

Cells = dict[tuple[str, str], int]  # by unit and metric


@pytest.fixture(scope="module")
def statement(project: Settings) -> str:
    """What the mart selects, of tables without a schema."""
    compiled = read(project, is_compiled=True).nodes["model.kho.public_month"].compiled_code
    return re.sub(r'"[^"]+"\."[^"]+"\."([^"]+)"', r"\1", compiled)


@pytest.fixture
def asking(server: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.admin_url()) as connection:
        connection.execute(MADE)
        yield connection
        connection.rollback()


def shown(connection: psycopg.Connection, statement: str, tables: list[Cells]) -> list[dict]:
    """Of each of these months, what others see: value by unit and metric, None where it is suppressed."""
    with connection.cursor().copy("copy told from stdin") as copy:
        for month, table in enumerate(tables):
            for (unit, metric), value in table.items():
                copy.write_row((month, unit, metric, value))
    connection.execute(FIGURES)
    connection.execute("analyze report_figure")
    connection.execute("set local enable_nestloop = off")
    found: list[dict] = [{} for _ in tables]
    asked = f"select (extract(year from month_start) - 1000) * 12 + extract(month from month_start) - 1, unit_agency_code, metric, value, publication from ({statement}) as mart"
    for month, unit, metric, value, publication in connection.execute(asked):
        assert publication == ("suppressed" if value is None else "shown")
        found[int(month)][unit, metric] = value
    return found


def worked_out(tables: list[Cells], seen: list[dict]) -> list[tuple[Cells, dict]]:
    """The tables of which a small cell is the same in all that look the same and have the same sums over units.

    All tables of these sums are among them: so this is what somebody finds who knows the rule, the sums and all that is shown.
    """
    alike = defaultdict(list)
    for table, told in zip(tables, seen, strict=True):
        sums: dict[str, int] = defaultdict(int)
        for (_, metric), value in table.items():
            sums[metric] += value
        alike[frozenset(told.items()), frozenset(sums.items())].append(table)
    return [
        (those[0], dict(told))
        for (told, _), those in alike.items()
        for cell, value in told
        if value is None and those[0][cell] in SMALL and len({table[cell] for table in those}) == 1
    ]


def sums_up_to(units: int, total: int) -> Iterator[tuple[int, ...]]:
    """All ways to have counts in so many units that are no more than this together."""
    for cuts in combinations_with_replacement(range(total + 1), units):
        yield tuple(high - low for low, high in zip((0, *cuts), cuts, strict=False))


@pytest.mark.parametrize(("units", "total"), [("ab", 24), ("abc", 18), ("abcd", 14)])
def test_no_small_count_follows_from_the_sum_of_all_units(
    asking: psycopg.Connection, statement: str, units: str, total: int
) -> None:
    tables = [
        {(unit, "other"): value for unit, value in zip(units, values, strict=True)}
        for values in sums_up_to(len(units), total)
    ]
    seen = shown(asking, statement, tables)
    small = [told[cell] for table, told in zip(tables, seen, strict=True) for cell in table if table[cell] in SMALL]
    assert small and set(small) == {None}
    assert worked_out(tables, seen) == []
    assert any(told[cell] == 0 for told in seen for cell in told)  # what nobody needs is shown


@pytest.mark.parametrize(("units", "total"), [("ab", 14), ("abc", 10)])
def test_no_small_count_follows_from_the_other_parts_of_a_whole(
    asking: psycopg.Connection, statement: str, units: str, total: int
) -> None:
    tables = []
    for wholes in sums_up_to(len(units), total):
        for parts in product(*(range(whole + 1) for whole in wholes)):
            table = {}
            for unit, whole, part in zip(units, wholes, parts, strict=True):
                table |= {(unit, "whole"): whole, (unit, "part"): part, (unit, "rest"): whole - part}
            tables.append(table)
    seen = shown(asking, statement, tables)
    assert worked_out(tables, seen) == []
    for table, told in zip(tables, seen, strict=True):
        assert all(told[cell] is None for cell in table if table[cell] in SMALL)
        for unit in units:
            assert (told[unit, "part"] is None) == (told[unit, "rest"] is None)
