"""Dashboards on the marts as they are published: what they ask is there, and right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kho.bi import datasets
from kho.bi.datasets import Dataset
from kho.bi.marts import Mart, marts
from kho.bi.specification import CHOSEN, EACH, WHOLE, Chart, Meant, meant
from kho.figures.figures import figures
from kho.ledger import readers
from kho.publish.scopes import OF_ALL_AGENCIES
from kho.settings import Settings
from tests.integration.dashboards import LONG_PHU, TIEU_CAN, chosen, connection, rows

pytestmark = pytest.mark.slow

Asked = tuple[Meant, Chart, Dataset]


@pytest.fixture(scope="module")
def known(project: Settings) -> dict[str, Mart]:
    return marts(project)


@pytest.fixture(scope="module")
def asked(project: Settings, known: dict[str, Mart]) -> list[Asked]:
    """Every chart of every dashboard with its dataset."""
    return [
        (one, chart, one.datasets[chart.name])
        for one in meant(project, known)
        for chart in one.dashboard.charts
    ]


@pytest.fixture(scope="module")
def reader(module_published: Settings) -> Iterator[str]:
    readers.add(module_published, "dashboards_of_long_phu", "H51.12", sees_small_cells=True, actor="test")
    yield "dashboards_of_long_phu"
    readers.remove(module_published, "dashboards_of_long_phu")


def test_datasets_have_the_columns_that_are_said(
    module_published: Settings, known: dict[str, Mart], asked: list[Asked], reader: str
) -> None:
    """For who sees all, and for a reader of one agency, who has the same marts under the same names."""
    made = {each.key: each for _, _, each in asked} | {"filters": datasets.of_filters(known)}
    for each in made.values():
        for role in ("", reader):
            if role and each.mart.name in OF_ALL_AGENCIES:
                continue
            with connection(module_published, role) as asking:
                cursor = asking.execute(f"select * from ({each.sql}) as asked limit 0")  # noqa: S608 (ours)
                types = dict(
                    (column.name, asking.execute("select format_type(%s, %s)", [column.type_code, -1]))
                    for column in cursor.description or ()
                )
            assert list(types) == list(each.columns), each.key


def test_every_value_that_a_chart_names_is_there(
    module_published: Settings, project: Settings, asked: list[Asked]
) -> None:
    said = datasets.words(project)
    for one, chart, dataset in asked:
        for column, value in chart.only.items():
            if value in (CHOSEN, EACH, WHOLE):
                continue
            with connection(module_published) as asking:
                found = asking.execute(f"select distinct {column} from ({dataset.sql}) as asked").fetchall()  # noqa: S608
            there = {row[0] for row in found} | set(said.get(chart.mart, {}).get(column, {}))
            wanted = value if isinstance(value, list) else [value]
            assert set(wanted) <= there, f"{one.dashboard.name}, {chart.name}: {column}"


def test_codes_have_words(module_published: Settings, project: Settings) -> None:
    for mart, columns in datasets.words(project).items():
        for column, words in columns.items():
            with connection(module_published) as asking:
                found = asking.execute(f"select distinct {column} from {mart}").fetchall()  # noqa: S608
            assert {code for (code,) in found if code is not None} <= set(words), f"{mart}.{column}"


@pytest.mark.parametrize("choice", [LONG_PHU, TIEU_CAN], ids=["long_phu", "tieu_can"])
def test_a_chart_of_figures_shows_those_of_the_report(
    module_published: Settings, asked: list[Asked], choice: dict[str, str]
) -> None:
    """Every figure of the scope and period without a detail, each once, with its state."""
    (everything,) = (
        each for each in asked if (each[0].dashboard.name, each[1].name) == ("agency", "figures")
    )
    one, chart, dataset = everything
    shown = rows(module_published, chart, dataset, chosen(one, chart, choice))
    scope = choice["agency"].partition("(")[2].rstrip(")")
    told = [each for each in figures(module_published, scope, choice["period"]) if not each.detail]
    assert len(shown) == len(told) > 100
    levels = {"Toàn bộ": "all", "Cấp huyện": "district", "Cấp xã": "commune"}
    shown_values = {
        (row["metric_title"], levels[row["level_title"]]): (row["value"], row["as_of"], row["covered_from"])
        for row in shown
    }
    for each in told:
        value, as_of, covered_from = shown_values[each.title, each.level]
        if each.value is None:
            assert value is None
        else:
            assert round(value, 2) == round(each.value, 2)
        assert (as_of, covered_from) == (each.as_of, each.covered_from)


def test_every_chart_has_rows_and_each_number_once(module_published: Settings, asked: list[Asked]) -> None:
    for one, chart, dataset in asked:
        found = [
            row
            for choice in (LONG_PHU, TIEU_CAN)
            for row in rows(module_published, chart, dataset, chosen(one, chart, choice))
        ]
        # Boundaries may have found nothing.
        assert found or one.dashboard.is_of_all_agencies, f"{one.dashboard.name}, {chart.name} shows nothing"


def test_without_a_choice_a_chart_shows_no_number(module_published: Settings, asked: list[Asked]) -> None:
    """Rather than that of all agencies and periods together."""
    tried = 0
    for one, chart, dataset in asked:
        if chart.show and chosen(one, chart) and chart.mart != "report_figure":
            tried += 1
            titles = [dataset.columns[name].title for name in chart.show]
            for row in rows(module_published, chart, dataset, {}):
                assert all(row[title] is None for title in titles)
    assert tried


def test_a_commune_has_its_figures_as_a_whole(module_published: Settings, asked: list[Asked]) -> None:
    """Nothing is below it: its figures are those of its only level."""
    _, chart, dataset = next(each for each in asked if each[1].name == "received_by_month")
    found = rows(module_published, chart, dataset, {"scope_agency_title": "Xã Châu Khánh (H51.12.29)"})
    told = {
        code: next(
            each.value
            for each in figures(module_published, "H51.12.29", code)
            if (each.metric, each.detail) == ("dossiers_received", "")
        )
        for code in ("2021-01", "2021-06")
    }
    assert {row["period_code"]: row["Số liệu"] for row in found}.items() >= told.items()


def test_a_reader_of_one_agency_sees_its_charts_as_who_sees_all(
    module_published: Settings, asked: list[Asked], reader: str
) -> None:
    for one, chart, dataset in asked:
        if one.dashboard.is_of_all_agencies:
            continue
        own = rows(module_published, chart, dataset, chosen(one, chart), reader)
        assert sorted(map(str, own)) == sorted(
            map(str, rows(module_published, chart, dataset, chosen(one, chart)))
        ), f"{one.dashboard.name}, {chart.name}"
        assert not rows(module_published, chart, dataset, chosen(one, chart, TIEU_CAN), reader)
