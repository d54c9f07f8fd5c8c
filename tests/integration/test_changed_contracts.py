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
from tests.projects import copied, of_project

CONTRACT, OTHER = "portal.items", "portal.traffic"
NIGHT, NEXT = date(2021, 4, 10), date(2021, 4, 11)
SOURCE = (
    "select title, covered_from, as_of, expected_as_of, state from marts.source_freshness where contract = %s"
)
COVERAGE = """
    select distinct frequency, end_of_life, covered_from, delivered_to, is_expected
    from marts.figure_coverage where contract = %s
"""


def told(settings: Settings, query: str, contract: str = CONTRACT) -> list[tuple]:
    return [tuple(row.values()) for row in rows(settings, query, contract)]


def figure(settings: Settings, metric: str = "portal_items_published") -> tuple:
    """Value, state and completeness of a figure of the whole district in the first quarter."""
    (found,) = (
        each
        for each in figures(settings, "946", "2021-Q1")
        if each.metric == metric and each.level == "all" and not each.detail
    )
    return found.value, found.state, found.as_of


@pytest.fixture
def after_two_months(built_warehouse: Settings) -> Settings:
    """A warehouse whose portal handed over January and February, and not March."""
    warehouse = built_warehouse
    known = contracts(warehouse)
    exports = [
        export
        for export in nights.sample(warehouse, 0.05, systems=("portal",))
        if (name := nights.contract_of(export)) in (CONTRACT, OTHER)
        and nights.day_of(known[name], export) < date(2021, 3, 1)
    ]
    nights.hand_over(warehouse, exports)
    nights.run_small_night(warehouse, NIGHT)
    return warehouse


def test_a_changed_contract_reaches_freshness_and_figures_with_the_next_night(
    after_two_months: Settings, tmp_path: Path
) -> None:
    settings = after_two_months
    january, february = date(2021, 1, 31), date(2021, 2, 28)
    assert told(settings, SOURCE) == [
        ("Tin bài của trang thông tin", date(2021, 1, 1), february, date(2021, 3, 31), "stale")
    ]
    assert told(settings, COVERAGE) == [("m", None, date(2021, 1, 1), february, True)]
    value, state, as_of = figure(settings)
    assert (value > 0, state, as_of) == (True, "stale", february)
    ((title, covered_from, *_),) = told(settings, SOURCE, OTHER)
    visits, *rest = figure(settings, "portal_visits")
    assert visits > 0 and rest == ["stale", february]
    ours = with_contract(
        settings,
        copied(tmp_path / "project", "contracts", "dbt_project", "expectations"),
        CONTRACT,
        ("businessName: ", "businessName: Mọi "),
        ("frequency, value: 1, unit: m", "frequency, value: 1, unit: q"),
        ("slaProperties:", "slaProperties:\n  - {property: endOfLife, value: '2021-02-28'}"),
    )
    # Another one can't be used any more.
    path = ours.contracts / "portal" / "traffic.yaml"
    sound = path.read_text()
    path.write_text("kind: [")
    ours = of_project(settings, ours.project)
    nights.build_warehouse(ours, NEXT)
    release.open_release(ours)
    transform.build(ours, "marts")
    refused_by = {(each.subject, each.expectation) for each in check.marts(ours).critical}
    assert "source_freshness" not in {mart for mart, _ in refused_by}, refused_by
    release.publish(ours)
    assert told(settings, SOURCE) == [("Mọi Tin bài của trang thông tin", january, february, None, "fresh")]
    assert told(settings, COVERAGE) == [("q", february, january, february, True)]
    assert figure(settings) == (value, "partial", february)  # nothing of March will come
    # Unusable, it is what its batches were loaded by, keeps what it has, and refuses no release.
    assert told(ours, SOURCE, OTHER) == [(title, covered_from, february, date(2021, 3, 31), "unusable")]
    assert figure(ours, "portal_visits") == (visits, "stale", february)
    (refreshed,) = rows(settings, "select is_full_refresh from ledger.build order by build_id desc limit 1")
    assert not refreshed["is_full_refresh"]
    path.write_text(sound)
    # Lists of each unit tell of it alone, from the day of the first one on: that changes facts.
    ours = with_contract(
        ours,
        tmp_path / "project",
        CONTRACT,
        ("load, value: delta", "load, value: full}\n      - {property: fullListOf, value: [agency_code]"),
        ("(?P<business_date>", r"(?:(?P<unit>H\d+(?:\.\d+)*)_)?(?P<business_date>"),
    )
    nights.refresh(ours, NEXT + timedelta(1), CONTRACT)
    nights.publish_some(ours)
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
