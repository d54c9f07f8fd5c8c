"""`kho source list` and `kho source show`: what comes from where, how fresh it is, which rejects grow."""

from __future__ import annotations

import csv
import io
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
from kho.settings import Settings
from kho.transform import builds
from tests.owner import as_owner

DOSSIERS, LISTS = "one_stop.dossiers", "one_stop.procedures"


@pytest.fixture
def project(warehouse: Settings, tmp_path: Path) -> Settings:
    """The warehouse's settings with contracts of its own, to be changed."""
    shutil.copytree(warehouse.contracts, tmp_path / "project" / "contracts")
    return warehouse.model_copy(update={"project": tmp_path / "project"})


@pytest.fixture
def kho(project: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str]]]:
    """Types `kho source …` in this project; gives its exit code and what it said."""
    monkeypatch.setenv("KHO_HOME", str(project.home))
    monkeypatch.setenv("KHO_PROJECT", str(project.project))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", project.warehouse_database)
    monkeypatch.setenv("COLUMNS", "80")
    settings.settings.cache_clear()

    def type_in(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(commands.app, [str(word) for word in words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    yield type_in
    settings.settings.cache_clear()


def change(project: Settings, found: str, put: str) -> None:
    path = project.contracts / "one_stop" / "dossiers.yaml"
    text = path.read_text()
    assert found in text
    path.write_text(text.replace(found, put))


def record(said: str, name: str) -> dict[str, object]:
    return next(each for each in json.loads(said) if each["source"] == name)


def test_every_source_is_listed_with_its_freshness_and_last_batch(kho, warehouse, hand_over) -> None:
    hand_over(DOSSIERS, "2021-01-30", state="accepted")
    number = hand_over(
        DOSSIERS, "2021-01-31", state="held", rows=110, rejected=30, skipped=10, reason="too many"
    )
    builds.open_build(warehouse, date(2021, 1, 31))
    code, said = kho("list", "--format", "json")
    assert code == 0
    assert {each["source"] for each in json.loads(said)} == contracts(warehouse).keys()
    dossiers = record(said, DOSSIERS)
    assert (dossiers["transport"], dossiers["format"]) == ("sftp", "csv")
    assert (dossiers["connection"], dossiers["every"]) == ("one_stop_sftp", "day")
    assert (dossiers["freshness"], dossiers["as_of"]) == ("stale", "2021-01-30")
    assert (dossiers["batch"], dossiers["state"], dossiers["rejected_percent"]) == (number, "held", 30.0)
    assert dossiers["problem"] == "held: too many"
    assert record(said, LISTS)["freshness"] == "not_delivered"
    lines = list(csv.DictReader(io.StringIO(kho("list", "--format", "csv")[1])))
    assert [line["source"] for line in lines] == [each["source"] for each in json.loads(said)]


def test_the_table_fits_a_terminal_of_80_columns(kho, hand_over) -> None:
    hand_over(DOSSIERS, "2021-01-31", state="accepted", rows=12_345, rejected=67)
    _, said = kho("list")
    table = said[: said.index(" sources: not delivered")].rpartition("\n")[0]
    assert max(len(line) for line in table.splitlines()) <= 80
    for whole in (*(f"{system}.{name}" for system, name in [("documents", "deliveries"), ("one_stop", "dossiers")]),
                  "csv over sftp", "one_stop_sftp", "every quarter", "12,345 rows", "0.54 % rejected"):  # fmt: skip
        assert whole in table


def test_drafts_and_unusable_contracts_are_listed_too(kho, project) -> None:
    change(project, "status: active", "status: draft")
    (project.contracts / "one_stop" / "procedures.yaml").write_text("kind: [")
    _, said = kho("list", "--format", "json")
    assert record(said, DOSSIERS)["status"] == "draft"
    assert "is no YAML" in record(said, LISTS)["problem"]
    _, said = kho("list")
    assert "one_stop.dossiers is a draft: nights leave it alone" in said
    assert said.count("not delivered: nothing delivered yet") <= 1
    assert "one_stop.dossiers is not delivered" not in said and "one_stop.procedures is unusable" in said
    code, said = kho("show", LISTS)
    assert code == 1 and "is no YAML" in said


def test_contracts_are_listed_without_the_warehouse(kho, project, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("KHO_HOME", str(tmp_path))
    settings.settings.cache_clear()
    code, said = kho("list")
    assert code == 0 and DOSSIERS in said and "The warehouse does not answer" in said


def test_a_source_is_shown_with_its_batches_rejects_failures_and_versions(kho, project, hand_over) -> None:
    for day in range(1, 21):
        hand_over(DOSSIERS, f"2021-01-{day:02}", state="accepted", rejected=2)
    for day in range(21, 26):
        hand_over(
            DOSSIERS,
            f"2021-01-{day}",
            state="accepted",
            rejected=20,
            rejects_by_reason={"phi: not a number": 20},
        )
    with as_owner(project) as connection:
        connection.execute(
            "insert into ledger.contract (contract, version, fingerprint, body) values (%s, '1.0.0', '', '')",
            [DOSSIERS],
        )
        connection.execute(
            "insert into ledger.fetch_failure (contract, name, business_date, reason)"
            " values (%s, 'dossiers_20210126.csv', '2021-01-26', 'its control file is not there')",
            [DOSSIERS],
        )
    builds.open_build(project, date(2021, 1, 27))
    shown = json.loads(kho("show", DOSSIERS, "--format", "json")[1])
    assert (shown["next_expected"], shown["freshness"]["state"]) == ("2021-01-26", "stale")
    assert len(shown["batches"]) == 10 and shown["batches"][0]["rows_rejected"] == 20
    assert shown["trends"] == [
        {
            "reason": "phi: not a number",
            "rows": 100,
            "percent": 20.0,
            "rows_before": 0,
            "percent_before": 0.0,
        },
        {"reason": "row: broken", "rows": 0, "percent": 0.0, "rows_before": 40, "percent_before": 2.0},
    ]
    assert [(each["version"], each["batches"], each["is_current"]) for each in shown["versions"]] == [
        ("1.0.0", 25, False)
    ]
    code, said = kho("show", DOSSIERS)
    assert code == 0
    for told in ("csv over sftp, one_stop_sftp:one_stop/dossiers", "28, 5 of them personal", "dossier_code",
                 "the newest updated_at counts", "stale on 2021-01-27, as of 2021-01-25", "its control file is not there",
                 "phi: not a number"):  # fmt: skip
        assert told in said
    assert kho("show", "one_stop.dossier")[0] == 2


def test_a_source_that_never_delivered_is_shown(kho) -> None:
    code, said = kho("show", str(LISTS))
    assert code == 0 and "from its first delivery on" in said and "nothing delivered yet" in said
