"""The page for who carries the code on: its fact and its metrics are there after typing what it says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from kho.figures.explain import explain
from kho.figures.figures import figures
from kho.settings import Settings
from kho.transform.project import run
from tests.integration import nights
from tests.integration.loading import rows
from tests.pages import blocks

PAGE = Path("docs/contributing.md")
NIGHT = date(2017, 9, 28)
FACT = "fct_workplace_computer"
CONTENT = "select * from warehouse.fct_workplace_computer order by computer_key, list_date"


@pytest.fixture(scope="module")
def typed(module_warehouse: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A checkout in which somebody typed what the page says, and its warehouse after a night with inventories."""
    project = tmp_path_factory.mktemp("contributing")
    for folder in ("contracts", "dbt_project", "expectations", "samples"):
        shutil.copytree(module_warehouse.project / folder, project / folder)
    for block in blocks(PAGE, "sh"):
        subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], cwd=project, check=True)
    settings = module_warehouse.model_copy(update={"project": project})
    exports = [
        export
        for export in nights.sample(settings, 0.2, nights.TIEU_CAN)
        if export.system in ("workplace", "register")
    ]
    nights.hand_over(settings, exports)
    nights.run_night(settings, NIGHT)
    yield settings


def test_the_fact_holds_every_computer_of_every_inventory(typed: Settings) -> None:
    counted = "select count(*) as n, count(*) filter (where is_networked) as networked from "
    (fact,) = rows(typed, counted + "warehouse.fct_workplace_computer")
    (loaded,) = rows(typed, counted + " raw.workplace__computers")
    assert fact == loaded and 0 < fact["networked"] < fact["n"]


def test_its_metrics_are_figures_that_can_be_explained(typed: Settings) -> None:
    told = {
        figure.metric: figure.value
        for figure in figures(typed, "846", "2017-01-01..2017-09-28")
        if figure.level == "all" and figure.metric.startswith("computers")
    }
    (newest,) = rows(
        typed,
        "select count(*) as n, count(*) filter (where is_networked) as networked from warehouse.fct_workplace_computer"
        " where listed_to is null",
    )
    assert told == {
        "computers_in_workplace": newest["n"],
        "computers_on_the_network": newest["networked"],
        "computers_on_the_network_pct": round(100 * told["computers_on_the_network"] / newest["n"], 2),
    }
    numerator, denominator = explain(
        typed, "846", "2017-01-01..2017-09-28", "computers_on_the_network_pct"
    ).parts
    assert (len(numerator.rows), len(denominator.rows)) == (newest["networked"], newest["n"])
    assert {row.contract for row in numerator.rows} == {"workplace.computers"}


def test_its_own_test_runs(typed: Settings) -> None:
    results = run(typed, ["test", "--select", f"{FACT},test_type:unit"])
    assert [str(result.status) for result in results] == ["pass"]


def test_a_list_that_is_taken_back_is_gone_the_next_night(typed: Settings) -> None:
    """Its materialization follows what is touched."""
    (last,) = rows(
        typed,
        "select max(batch_id) as batch_id from ledger.batch where contract = 'workplace.computers' and state = 'accepted'",
    )
    nights.decide(typed, last["batch_id"], "withdrawn")
    nights.build_warehouse(typed, NIGHT)
    (newest,) = rows(typed, "select is_full_refresh from ledger.build order by build_id desc limit 1")
    assert not newest["is_full_refresh"]
    incremental = rows(typed, CONTENT)
    assert {row["listed_to"] for row in incremental} == {None}
    run(typed, ["run", "--full-refresh", "--select", FACT])
    assert rows(typed, CONTENT) == incremental
