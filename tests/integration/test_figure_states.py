"""States of figures: open periods, parts of periods that nobody tells of, and what can't be there at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from kho import settings as settings_module
from kho.cli import app
from kho.database import connect
from kho.figures.explain import explain
from kho.figures.figures import Figure, figures
from kho.report.draft import draft
from kho.settings import Settings
from tests.examples import examples
from tests.golden import NIGHT
from tests.integration import nights

#: a night long after the last delivery, in the units and the scheme of that time
LATER = date(2026, 4, 15)
Named = dict[tuple[str, str, str], Figure]


@pytest.fixture(scope="module")
def released(module_published: Settings) -> Settings:
    """Both districts as of 30 June 2021."""
    return module_published


@pytest.fixture(scope="module")
def later(module_built_warehouse: Settings) -> Settings:
    """Years later, when nothing came any more; of what came before only the register of operation."""
    here = module_built_warehouse
    for report in (nights.LONG_PHU, nights.TIEU_CAN):
        nights.hand_over(here, nights.sample(here, report=report, systems=("register",)))
    nights.run_small_night(here, LATER)
    return here


def named(settings: Settings, scope: str, period: str) -> Named:
    return {(each.metric, each.level, each.detail): each for each in figures(settings, scope, period)}


def ask(settings: Settings, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setenv("KHO_HOME", str(settings.home))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", settings.warehouse_database)
    monkeypatch.setenv("COLUMNS", "160")
    settings_module.settings.cache_clear()
    try:
        return CliRunner().invoke(app, list(words))
    finally:
        settings_module.settings.cache_clear()


def test_an_open_period_is_counted_at_its_as_of_day(released: Settings) -> None:
    """Whatever is due later is not overdue yet."""
    year, half = named(released, "946", "2021"), named(released, "946", "2021-H1")
    for found in (year, half):
        assert (found["dossiers_overdue", "all", ""].value, found["dossiers_overdue", "all", ""].state) == (
            0,
            "measured",
        )
        assert found["dossiers_in_progress_within_deadline", "all", ""].value == 432
    received = year["dossiers_received", "all", ""]
    assert (received.covered_from, received.covered_to, received.as_of) == (date(2021, 1, 1), NIGHT, NIGHT)
    assert explain(released, "946", "2021", "dossiers_overdue").parts[0].rows == []


@examples(10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    scope=st.sampled_from(["H51", "H51.12", "H51.12.29", "H51.12.03", "H59.06"]),
    first=st.dates(date(2020, 12, 1), NIGHT),
    open_days=st.integers(1, 900),
)
@example(scope="H51.12", first=date(2021, 1, 2), open_days=183)
def test_an_open_period_says_what_the_period_up_to_its_as_of_day_says(
    released: Settings, scope: str, first: date, open_days: int
) -> None:
    assume(
        (scope, first) != ("H51.12", date(2021, 1, 1))
    )  # a report keeps its own parameters just until the night
    cut, whole = (
        [replace(each, last_day=NIGHT) for each in figures(released, scope, f"{first}..{last}")]
        for last in (NIGHT, NIGHT + timedelta(days=open_days))
    )
    assert whole == cut


def test_received_is_resolved_or_pending_in_open_periods_too(released: Settings) -> None:
    for scheme in ("calendar", "administrative"):
        for period in ("2021", "2021-H1", "2021-06"):
            found = {
                (each.metric, each.level): each.value
                for each in figures(released, "946", period, scheme)
                if each.detail == ""
            }
            for level in ("all", "district", "commune"):
                come = found["dossiers_received", level] + found["dossiers_carried_over", level]
                pending = found["dossiers_in_progress", level]
                assert come == found["dossiers_resolved", level] + pending
                assert (
                    pending
                    == found["dossiers_in_progress_within_deadline", level] + found["dossiers_overdue", level]
                )


@pytest.mark.parametrize("words", [(), ("--explain", "dossiers_received"), ("--units-of", "2021-01-01")])
def test_a_period_that_has_not_begun_has_no_figures(
    released: Settings, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    told = ask(released, monkeypatch, "figures", "946", "2022-Q4", *words)
    assert told.exit_code == 2 and told.stdout == ""
    assert "2022-Q4 has not begun" in told.stderr and "data tell up to 2021-06-30" in told.stderr
    assert ask(released, monkeypatch, "report", "946", "2022-Q4").exit_code == 2
    with connect(released, "kho_auditor") as connection:
        (late,) = connection.execute(
            "select count(*) from marts.report_figure where from_date > '2021-06-30'"
        ).fetchone()
    assert late == 0


def test_a_year_of_which_one_month_came_is_partial(
    released: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    year, month = named(released, "H59.06", "2016"), named(released, "H59.06", "2016-12")
    received = year["dossiers_received", "all", ""]
    assert (received.value, received.state) == (214, "partial")
    assert (received.covered_from, received.covered_to) == (date(2016, 12, 1), date(2016, 12, 31))
    assert year["dossiers_resolved_on_time_pct", "all", ""].state == "partial"
    assert month["dossiers_received", "all", ""].state == "measured"
    assert month["dossiers_carried_over", "all", ""].state == "measured"
    shown = " ".join(ask(released, monkeypatch, "figures", "H59.06", "2016").stdout.split())
    assert "chỉ có số liệu từ ngày 01/12/2016 đến ngày 31/12/2016" in shown
    (row,) = [
        each
        for each in json.loads(
            ask(released, monkeypatch, "figures", "H59.06", "2016", "--format", "json").stdout
        )
        if (each["metric"], each["level"]) == ("dossiers_received", "all")
    ]
    assert (row["state"], row["covered_from"], row["covered_to"]) == ("partial", "2016-12-01", "2016-12-31")
    explained = ask(released, monkeypatch, "figures", "H59.06", "2016", "--explain", "dossiers_received")
    assert "chỉ có số liệu từ ngày 01/12/2016 đến ngày 31/12/2016" in explained.stdout
    content = draft(released, "H59.06", "2016")
    remark = next(each for each in content.remarks if each.startswith("Chỉ có số liệu từ ngày 01/12/2016"))
    assert "hồ sơ tiếp nhận trong kỳ" in remark
    said = " ".join(text for area in content.areas for text in area.paragraphs)
    assert "chỉ có số liệu từ ngày 01/12/2016 đến ngày 31/12/2016" in said


def test_what_is_told_by_lists_needs_the_end_of_the_period_only(released: Settings) -> None:
    """The lists of workplaces begin in 2021; of the year before, nobody waits for one."""
    for period in ("2020-07-01..2021-06-30", "2021-H1"):
        staff = named(released, "946", period)["staff_in_workplace", "all", ""]
        assert (staff.state, staff.covered_from) == ("measured", date(2021, 1, 1))
    assert named(released, "946", "2020-07-01..2021-06-30")["dossiers_received", "all", ""].state == "partial"


def test_a_source_that_ended_within_the_period_leaves_it_partial(released: Settings) -> None:
    """The station sites were surveyed until 28 September 2017."""
    surveyed = named(released, "H59.06", "2017")["radio_station_sites_surveyed", "commune", ""]
    assert (surveyed.value, surveyed.state, surveyed.covered_to) == (8, "partial", date(2017, 9, 28))


def test_a_level_of_another_scheme_is_not_applicable(
    released: Settings, later: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = named(released, "946", "2021-H1")
    for metric in ("procedures_online_partial", "procedures_online_full"):
        assert (now[metric, "all", ""].value, now[metric, "all", ""].state) == (None, "not_applicable")
    assert now["procedures_online_level_4", "all", ""].value == 250
    then = named(later, "92", "2026-Q1")
    for metric in ("procedures_online_level_4", "dossiers_of_level_4_procedures"):
        assert (then[metric, "all", ""].value, then[metric, "all", ""].state) == (None, "not_applicable")
    assert then["dossiers_received_online_level_4_pct", "all", ""].state == "not_applicable"
    assert then["procedures_online_partial", "all", ""].state == "not_operated"
    assert "không áp dụng" in ask(later, monkeypatch, "figures", "92", "2026-Q1").stdout
    assert any(
        cell.text == "không áp dụng"
        for area in draft(later, "92", "2026-Q1").areas
        for line in area.lines
        for cell in line.cells
    )


def test_software_of_units_that_nobody_registered_is_not_applicable(later: Settings) -> None:
    """Nobody told which software the new communes run. Those of Tiểu Cần told that theirs was given up."""
    new = named(later, "92", "2026-Q1")
    assert new["one_stop_units", "all", ""].value == 12
    for metric in ("one_stop_units_with_software", "one_stop_units_with_software_pct"):
        assert (new[metric, "all", ""].value, new[metric, "all", ""].state) == (None, "not_applicable")
    assert new["one_stop_units", "province", ""].state == "not_applicable"
    known = named(later, "H59.06", "2017-Q1")["one_stop_units_with_software_pct", "all", ""]
    assert (known.value, known.state) == (Decimal(0), "measured")


def test_a_department_has_no_units_and_no_lists_of_procedures(released: Settings) -> None:
    found = named(released, "H51.12.03", "2021-H1")
    for metric in ("one_stop_units", "one_stop_units_with_software", "procedures_on_one_stop"):
        assert (found[metric, "district", ""].value, found[metric, "district", ""].state) == (
            None,
            "not_applicable",
        )


def test_the_page_for_readers_names_every_state() -> None:
    """The words of the page are those of the figures, and of what officials read."""
    from typing import get_args

    from kho.figures.figures import State
    from kho.report.vietnamese import STATES

    page = Path("docs/read-the-figures.md").read_text(encoding="utf-8")
    assert set(get_args(State)) == set(STATES)
    assert [
        state for state, words in STATES.items() if f"| `{state}` |" not in page or words not in page
    ] == []
