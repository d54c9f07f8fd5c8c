"""What is changed in a contract reaches freshness and figures with the next night, and costs no full refresh."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from kho import check, transform
from kho.contract import contracts
from kho.figures.figures import figures
from kho.publish import release
from kho.settings import Settings
from tests.contracts import with_contract
from tests.integration import nights
from tests.integration.loading import rows

CONTRACT = "portal.items"
NIGHT, NEXT = date(2021, 4, 10), date(2021, 4, 11)
SOURCE = (
    "select title, covered_from, as_of, expected_as_of, state from marts.source_freshness where contract = %s"
)
COVERAGE = """
    select distinct frequency, end_of_life, covered_from, delivered_to, is_expected
    from marts.figure_coverage where contract = %s
"""


def told(settings: Settings, query: str) -> list[tuple]:
    return [tuple(row.values()) for row in rows(settings, query, CONTRACT)]


def figure(settings: Settings) -> tuple:
    """Value, state and completeness of the items that the whole district published in the first quarter."""
    (found,) = (
        each
        for each in figures(settings, "946", "2021-Q1")
        if each.metric == "portal_items_published" and each.level == "all" and not each.detail
    )
    return found.value, found.state, found.as_of


@pytest.fixture
def after_two_months(built_warehouse: Settings) -> Settings:
    """A warehouse whose portal handed over January and February, and not March."""
    warehouse = built_warehouse
    contract = contracts(warehouse)[CONTRACT]
    exports = [
        export
        for export in nights.sample(warehouse, 0.05)
        if nights.contract_of(export) == CONTRACT and nights.day_of(contract, export) < date(2021, 3, 1)
    ]
    nights.hand_over(warehouse, exports)
    nights.run_night(warehouse, NIGHT)
    return warehouse


def test_a_changed_contract_reaches_freshness_and_figures_with_the_next_night(
    after_two_months: Settings, tmp_path: Path
) -> None:
    settings = after_two_months
    january, february = date(2021, 1, 31), date(2021, 2, 28)
    assert told(settings, SOURCE) == [
        ("Items of the portal", date(2021, 1, 1), february, date(2021, 3, 31), "stale")
    ]
    assert told(settings, COVERAGE) == [("m", None, date(2021, 1, 1), february, True)]
    value, state, as_of = figure(settings)
    assert (value > 0, state, as_of) == (True, "stale", february)
    ours = with_contract(
        settings,
        tmp_path / "project",
        CONTRACT,
        ("\nname: ", "\nname: New "),
        ("frequency, value: 1, unit: m", "frequency, value: 1, unit: q"),
        ("slaProperties:", "slaProperties:\n  - {property: endOfLife, value: '2021-02-28'}"),
    )
    nights.run_night(ours, NEXT)
    assert told(settings, SOURCE) == [("New Items of the portal", january, february, None, "fresh")]
    assert told(settings, COVERAGE) == [("q", february, january, february, True)]
    assert figure(settings) == (value, "partial", february)  # nothing of March will come
    (refreshed,) = rows(settings, "select is_full_refresh from ledger.build order by build_id desc limit 1")
    assert not refreshed["is_full_refresh"]
    # Unusable, it is what its batches were loaded by, keeps what it has, and refuses no release.
    path = ours.contracts / "portal" / "items.yaml"
    sound = path.read_text()
    path.write_text("kind: [")
    nights.build_warehouse(ours, NEXT + timedelta(1))
    release.open_release(ours)
    transform.build(ours, "marts")
    refused_by = {(each.subject, each.expectation) for each in check.marts(ours).critical}
    assert "source_freshness" not in {mart for mart, _ in refused_by}, refused_by
    release.publish(ours)
    assert told(ours, SOURCE) == [
        ("Items of the portal", date(2021, 1, 1), february, date(2021, 3, 31), "unusable")
    ]
    assert figure(ours) == (value, "stale", february)
    (now,) = rows(ours, "select is_full_refresh from ledger.build order by build_id desc limit 1")
    assert not now["is_full_refresh"]
    path.write_text(sound)
    # Lists of each unit tell of it alone, from the day of the first one on: that changes facts.
    ours = with_contract(
        ours,
        tmp_path / "project",
        CONTRACT,
        ("load, value: delta", "load, value: full}\n      - {property: fullListOf, value: [agency_code]"),
        ("(?P<business_date>", r"(?:(?P<unit>H\d+(?:\.\d+)*)_)?(?P<business_date>"),
    )
    nights.run_night(ours, NEXT + timedelta(2))
    ((is_full_list, covered_from),) = told(
        ours, "select distinct is_full_list, covered_from from marts.figure_coverage where contract = %s"
    )
    assert is_full_list
    assert date(2021, 1, 1) < covered_from < january  # of the first item, no longer of the first delivery
    assert told(
        ours,
        "select is_full_refresh, is_full_list, is_list_per_unit from ledger.build_contract join ledger.build using (build_id)"
        " where contract = %s order by build_id desc limit 1",
    ) == [(True, True, True)]
