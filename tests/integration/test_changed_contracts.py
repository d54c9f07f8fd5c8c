"""What is changed in a contract reaches freshness and figures with the next night, and costs no full refresh."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kho.figures.figures import figures
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


def told(settings: Settings, query: str, *given: str) -> list[tuple]:
    return [tuple(row.values()) for row in rows(settings, query, *given)]


def figure(settings: Settings) -> list[tuple]:
    """Value, state and completeness of the items that the whole district published in the first quarter."""
    return [
        (each.level, each.value, each.state, each.as_of)
        for each in figures(settings, "946", "2021-Q1")
        if each.metric == "portal_items_published" and not each.detail
    ]


@pytest.fixture(scope="module")
def after_two_months(module_warehouse: Settings) -> Settings:
    """A warehouse whose portal handed over January and February, and not March."""
    exports = [
        export
        for export in nights.sample(module_warehouse, 0.05)
        if nights.contract_of(export) == CONTRACT
        and nights.day_of(module_warehouse, export) < date(2021, 3, 1)
    ]
    nights.hand_over(module_warehouse, exports)
    nights.run_night(module_warehouse, NIGHT)
    return module_warehouse


def test_a_changed_contract_reaches_freshness_and_figures_with_the_next_night(
    after_two_months: Settings, tmp_path: Path
) -> None:
    settings = after_two_months
    before = told(settings, SOURCE, CONTRACT), told(settings, COVERAGE, CONTRACT), figure(settings)
    print(before)
    ours = with_contract(
        settings,
        tmp_path / "project",
        CONTRACT,
        ("\nname: ", "\nname: New "),
        ("frequency, value: 1, unit: m", "frequency, value: 1, unit: q"),
        ("slaProperties:", "slaProperties:\n  - {property: endOfLife, value: '2021-02-28'}"),
    )
    nights.run_night(ours, NEXT)
    print(told(settings, SOURCE, CONTRACT), told(settings, COVERAGE, CONTRACT), figure(settings))
    assert 0
