"""Nobody works a small count of another unit out of what is shown: not from sums, parts, or the rule itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations_with_replacement, product

import numpy
import psycopg
import pytest
from psycopg import sql

from kho.database import connect
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
    compiled = read(project, is_compiled=True).nodes["model.kho.kept_public_month"].compiled_code
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
    asked = sql.SQL(
        "select (extract(year from month_start) - 1000) * 12 + extract(month from month_start) - 1,"
        " unit_agency_code, metric, value, publication from ({}) as mart"
    ).format(sql.SQL(statement))
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
    small = [
        told[cell] for table, told in zip(tables, seen, strict=True) for cell in table if table[cell] in SMALL
    ]
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


# In the years of both districts


def test_what_is_public_is_what_the_topics_by_months_add_up_to(module_published: Settings) -> None:
    with connect(module_published, "bi_reader") as connection:
        compared = connection.execute(
            """
            select coalesce(public.publication, 'nothing'), count(*), count(*) filter (where public.value is distinct from topic.value)
            from marts.public_month as public
            full join (
              select unit_agency_code, month_code, metric, sum(value) as value from marts.dossier_month group by 1, 2, 3
              union all
              select unit_agency_code, month_code, metric, sum(value) from marts.document_month group by 1, 2, 3
              union all
              select unit_agency_code, month_code, metric, sum(value) from marts.portal_month group by 1, 2, 3
            ) as topic using (unit_agency_code, month_code, metric)
            group by 1
            """
        ).fetchall()
    differing = {publication: (rows, other) for publication, rows, other in compared}
    assert differing["shown"][0] > 1000 and differing["shown"][1] == 0
    assert differing["suppressed"][0] > 1000 and differing["suppressed"][0] == differing["suppressed"][1]
    assert differing["none"][1] == 0


def test_in_no_sum_over_units_is_a_small_count_alone(module_published: Settings) -> None:
    with connect(module_published, "kho_auditor") as connection:
        sums = connection.execute(
            """
            select count(*), count(*) filter (where public.publication = 'suppressed'),
              bool_or(topic.value between 1 and 4), bool_or(topic.value between 1 and 4 and public.publication = 'shown')
            from marts.public_month as public
            join marts.report_figure as topic
              on topic.scope_agency_code = public.unit_agency_code and topic.period_code = public.month_code
              and topic.scheme = 'calendar' and topic.metric = public.metric and topic.detail = ''
            join warehouse.dim_agency as agency
              on agency.agency_code = public.unit_agency_code and agency.agency_level = topic.level
              and public.month_start between agency.valid_from and coalesce(agency.valid_to, 'infinity')
            where public.publication in ('shown', 'suppressed')
            group by public.month_code, public.metric, agency.parent_agency_code, agency.agency_level
            """
        ).fetchall()
    assert not any(is_shown for *_, is_shown in sums)
    small = [(units, hidden) for units, hidden, is_small, _ in sums if is_small]
    assert len(small) > 100
    # A district of a province with one district has nobody to hide among.
    assert {hidden for units, hidden in small if units > 1} >= {2} and all(
        hidden > 1 for units, hidden in small if units > 1
    )


def test_metrics_that_tell_of_each_other_are_parts_of_one_whole(module_published: Settings) -> None:
    """No metric is a sum or difference of metrics that are hidden without it, in any unit and month."""
    with connect(module_published, "kho_auditor") as connection:
        rows = connection.execute(
            """
            select metric.fact, coalesce(part.whole, month.metric), month.metric, unit_agency_code, month_code, sum(value)
            from (
              select unit_agency_code, month_code, metric, value from marts.dossier_month
              union all select unit_agency_code, month_code, metric, value from marts.document_month
              union all select unit_agency_code, month_code, metric, value from marts.portal_month
            ) as month
            join marts.figure_metric as metric using (metric)
            left join warehouse.dim_metric_part as part using (metric)
            where value is not null
            group by 1, 2, 3, 4, 5
            """
        ).fetchall()
    facts: dict[str, dict[tuple, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    families: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for fact, family, metric, unit, month, value in rows:
        facts[fact][unit, month][metric] = float(value)
        families[fact][family].add(metric)

    def rank(fact: str, metrics: set[str]) -> int:
        table = [[row.get(metric, 0.0) for metric in sorted(metrics)] for row in facts[fact].values()]
        return int(numpy.linalg.matrix_rank(numpy.array(table)))

    for fact, of_fact in families.items():
        together = set[str]().union(*of_fact.values())
        assert rank(fact, together) == sum(rank(fact, each) for each in of_fact.values()), fact
    assert len(families["dossier"]) > 5
