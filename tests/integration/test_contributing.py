"""The page for who carries the code on: its fact and its metrics are there after typing what it says."""

from __future__ import annotations

import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from kho.figures.explain import explain
from kho.figures.figures import figures
from kho.settings import Settings
from kho.transform.project import run
from tests.integration import nights
from tests.integration.loading import rows
from tests.pages import blocks
from tests.projects import copied, of_project

PAGE = Path("docs/contributing.md")
NIGHT = date(2021, 6, 30)
SCOPE = ("946", "2021-H1")
FACT = "fct_workplace_computer"
CONTENT = "select * from warehouse.fct_workplace_computer order by computer_key, list_date"


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which somebody typed what the page says."""
    project = copied(tmp_path_factory.mktemp("contributing"))
    for block in blocks(PAGE, "sh"):
        subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], cwd=project, check=True)
    return project


@pytest.fixture
def released(warehouse: Settings, typed: Path) -> Settings:
    """Its warehouse after a night with inventories."""
    settings = of_project(warehouse, typed)
    nights.hand_over(settings, nights.sample(settings, 0.2, systems=("workplace", "register")))
    nights.accept_pending(settings)
    nights.build_warehouse(settings, NIGHT)
    nights.publish_some(settings)
    return settings


def test_the_fact_and_its_metrics_are_there_and_follow_what_comes_and_goes(released: Settings) -> None:
    counted = "select count(*) as n, count(*) filter (where is_networked) as networked from "
    (fact,) = rows(released, counted + "warehouse.fct_workplace_computer")
    (loaded,) = rows(released, counted + " raw.workplace__computers")
    assert fact == loaded and 0 < fact["networked"] < fact["n"]

    (newest,) = rows(released, counted + "warehouse.fct_workplace_computer where listed_to is null")
    told = {
        figure.metric: figure.value
        for figure in figures(released, *SCOPE)
        if figure.level == "all" and figure.metric.startswith("computers")
    }
    assert told == {
        "computers_in_workplace": newest["n"],
        "computers_on_the_network": newest["networked"],
        "computers_on_the_network_pct": round(Decimal(100 * newest["networked"]) / newest["n"], 2),
    }
    numerator, denominator = explain(released, *SCOPE, "computers_on_the_network_pct").parts
    assert (len(numerator.rows), len(denominator.rows)) == (newest["networked"], newest["n"])
    assert {row.contract for row in numerator.rows} == {"workplace.computers"}

    # A list is taken back: the one before it holds again, without a full refresh.
    (last,) = rows(
        released,
        "select max(batch_id) as batch_id from ledger.batch where contract = 'workplace.computers' and state = 'accepted'",
    )
    nights.decide(released, last["batch_id"], "withdrawn")
    nights.build_warehouse(released, NIGHT)
    (build,) = rows(released, "select is_full_refresh from ledger.build order by build_id desc limit 1")
    assert not build["is_full_refresh"]
    followed = rows(released, CONTENT)
    assert last["batch_id"] not in {row["_batch_id"] for row in followed}
    assert None in {row["listed_to"] for row in followed}
    run(released, ["run", "--full-refresh", "--select", FACT])
    assert rows(released, CONTENT) == followed

    results = run(released, ["test", "--select", f"{FACT},test_type:unit"])
    assert [str(result.status) for result in results] == ["pass"]
