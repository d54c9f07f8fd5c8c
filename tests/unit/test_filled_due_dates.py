"""Missing due dates are filled where a contract says so, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kho.contract import contracts
from kho.settings import Settings
from kho.transform.builds import model_fingerprint
from kho.transform.project import read
from tests.conftest import share_manifests
from tests.projects import copied, of_project

pytestmark = pytest.mark.slow


def test_a_contract_that_fills_due_dates_changes_the_history_and_makes_the_warehouse_anew(
    project: Settings, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    share_manifests(home)
    filling = of_project(
        project.model_copy(update={"home": home}), copied(tmp_path, "contracts", "dbt_project")
    )
    path = filling.contracts / "one_stop" / "dossiers.yaml"
    load = "      - {property: load, value: delta}\n"
    before = path.read_text()
    assert load in before
    path.write_text(before.replace(load, f"{load}      - {{property: fillsDueDates, value: true}}\n"))
    history = read(filling, is_compiled=True).nodes["model.kho.fct_dossier_history"].compiled_code
    assert "coalesce(told.due_at, latest.due_at)" in history and "in ('one_stop')" in history
    fingerprints = {model_fingerprint(each, contracts(each).values()) for each in (project, filling)}
    assert len(fingerprints) == 2
