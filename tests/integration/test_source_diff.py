"""`kho source diff`: what a new version of a contract breaks, from the raw table to the figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kho import settings
from kho.cli import source as commands
from kho.contract import contracts
from kho.load import load
from kho.settings import Settings
from tests.integration.loading import deliver
from tests.projects import copied, of_project

NAME = "one_stop.dossiers"


@pytest.fixture(scope="module")
def project(module_warehouse: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project of its own whose dossiers were loaded once by version 1.2.1 of their contract."""
    here = of_project(
        module_warehouse, copied(tmp_path_factory.mktemp("project"), "contracts", "dbt_project")
    )
    contract = contracts(here)[NAME]
    header = ";".join(column.header for column in contract.columns)
    deliver(here, contract, "dossiers_20210105.csv", f"\ufeff{header}\r\n".encode(), date(2021, 1, 5))
    load(here, contract)
    return here


@pytest.fixture
def kho(project: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """Types `kho source …` in this project; gives its exit code and what it said. The contract is put back after."""
    monkeypatch.setenv("KHO_HOME", str(project.home))
    monkeypatch.setenv("KHO_PROJECT", str(project.project))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", project.warehouse_database)
    monkeypatch.setenv("COLUMNS", "300")
    settings.settings.cache_clear()
    text = path(project).read_text()

    def type_in(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(commands.app, [str(word) for word in words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    path(project).write_text(text)
    settings.settings.cache_clear()


def path(project: Settings) -> Path:
    return project.contracts / "one_stop" / "dossiers.yaml"


def change(project: Settings, found: str, put: str) -> None:
    text = path(project).read_text()
    assert found in text
    path(project).write_text(text.replace(found, put))


def without(project: Settings, column: str) -> None:
    lines = path(project).read_text().splitlines(keepends=True)
    kept = [line for line in lines if f"name: {column}," not in line]
    assert len(kept) == len(lines) - 1
    kept = [line for line in kept if f"{{column: {column}, notBefore" not in line]
    path(project).write_text("".join(kept))


def changes(said: str) -> dict[str, dict]:
    return {each["place"]: each for each in json.loads(said)["changes"]}


def test_an_unchanged_contract_changes_nothing(kho) -> None:
    code, said = kho("diff", NAME)
    assert code == 0 and "against version 1.2.1, last used on" in said and "Nothing is different." in said


def test_a_new_column_is_additive_and_takes_a_new_version(kho, project) -> None:
    new = "- {name: shelf, physicalName: ke, logicalType: string, description: Shelf.}\n      - {name: note,"
    change(project, "- {name: note,", new)
    code, said = kho("diff", NAME)
    assert code == 0 and "Additive" in said
    assert "raise the version: 1.2.1 was used with other content" in said
    change(project, "version: 1.2.1", "version: 1.3.0")
    assert "raise the version" not in kho("diff", NAME)[1]


def test_each_change_reaches_the_models_and_figures_that_need_its_columns(kho, project) -> None:
    without(project, "processed_at")
    without(project, "postal_bill_number")
    change(project, "physicalName: phi, logicalType: integer", "physicalName: phi, logicalType: string")
    second = "        physicalName: maTTHC\n        logicalType: string\n        required: true\n"
    change(project, second, second + "        primaryKey: true\n        primaryKeyPosition: 2\n")
    code, said = kho("diff", NAME, "--format", "json")
    found = changes(said)
    assert code == 1 and json.loads(said)["effect"] == "breaks"
    resolved = found["column processed_at"]
    assert resolved["effect"] == "breaks"
    assert resolved["models"][0] == "stg_one_stop__dossiers"
    assert {"fct_dossier", "movement_dossier_history", "dossier_settlement"} <= set(resolved["models"])
    assert {"dossiers_resolved", "dossiers_resolved_on_time_pct"} <= set(resolved["figures"])
    assert not {"dossiers_received", "documents_outgoing"} & set(resolved["figures"])
    unused = found["column postal_bill_number"]
    assert (unused["effect"], unused["why"], unused["models"]) == ("additive", "no model reads it", [])
    assert found["key"]["effect"] == "replay" and "dossiers_received" in found["key"]["figures"]
    retyped = found["column fee_vnd"]
    assert "rows of raw.one_stop__dossiers have bigint" in retyped["why"], "it breaks the raw table too"
    assert (retyped["effect"], retyped["figures"]) == ("breaks", [])
    assert retyped["models"][0] == "stg_one_stop__dossiers"

    code, said = kho("diff", NAME)
    assert code == 1 and f"breaks: {retyped['why']}" in said
    assert f"models: {', '.join(retyped['models'])}" in said
    assert f"figures: {', '.join(resolved['figures'])}" in said


def test_a_contract_is_compared_with_a_file_or_a_version_too(kho, project, tmp_path) -> None:
    older = tmp_path / "older.yaml"
    older.write_text(path(project).read_text().replace("mustBeLessOrEqualTo: 5", "mustBeLessOrEqualTo: 9"))
    code, said = kho("diff", NAME, "--against", older)
    assert code == 0 and "quality reject_rate: mustBeLessOrEqualTo: 9.0 → 5.0" in said
    assert "Nothing is different." in kho("diff", NAME, "--against", "1.2.1")[1]
    code, said = kho("diff", NAME, "--against", "0.9.0")
    assert code == 2 and "no batch of one_stop.dossiers was loaded by version 0.9.0" in said


def test_a_contract_that_was_never_used_has_nothing_to_be_compared_with(kho) -> None:
    code, said = kho("diff", "one_stop.procedures")
    assert code == 0 and "there is no older version" in said


def test_a_wrong_contract_says_what_is_wrong(kho, project) -> None:
    change(project, "value: updated_at}", "value: update_at}")
    code, said = kho("diff", NAME)
    assert code == 1 and "'update_at' is no column" in said


def test_models_that_dbt_cannot_read_are_told(kho, project, tmp_path, monkeypatch) -> None:
    alone = project.model_copy(update={"project": tmp_path})
    models = tmp_path / "dbt_project" / "models"
    shutil.copytree(
        project.project, tmp_path, ignore=shutil.ignore_patterns("models", "tests"), dirs_exist_ok=True
    )
    models.mkdir()
    (models / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    without(alone, "processed_at")
    monkeypatch.setenv("KHO_PROJECT", str(tmp_path))
    settings.settings.cache_clear()
    code, said = kho("diff", NAME)
    assert code == 1 and "dbt could not run" in said and "nowhere" in said
