"""What is older than a rule lets it be goes with the night's upkeep, and nothing goes without a rule."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kho import night, retention
from kho.backup import BackupError
from kho.cli import app
from kho.contract import contracts
from kho.database import connect
from kho.ledger import audit, rejects
from kho.load import load
from kho.server import processes
from kho.settings import Settings, settings
from tests.integration.loading import deliver, rows
from tests.integration.test_load_csv import DAY, GOOD, csv

NOW = datetime.now(UTC)


@pytest.fixture
def aged(warehouse: Settings) -> Settings:
    """A home of 400 days: two batches with a reject each, loaded then, one of them held; logs of then and of today."""
    dossiers = contracts(warehouse)["one_stop.dossiers"]
    for name, day in (("a.csv", DAY), ("b.csv", DAY + timedelta(days=1))):
        wrong = GOOD | {"maHoSo": f"000.00.12.H51-210105-{name}", "ngayTiepNhan": "soon"}
        deliver(warehouse, dossiers, name, csv(dossiers, wrong), day)
    first, second = load(warehouse, dossiers)
    with connect(warehouse, "kho_operator") as connection:
        connection.execute(
            "update ledger.batch set state = 'withdrawn' where batch_id = %s", [first.batch_id]
        )
        connection.execute("update ledger.batch set state = 'held' where batch_id = %s", [second.batch_id])
    for name in (*retention.LOGS, "reports"):
        for file, days in (("old", 400), ("new", 0)):
            path = warehouse.home / name / file / f"{file}.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x" * 10)
            at = (NOW - timedelta(days=days)).timestamp()
            os.utime(path, (at, at))
    return warehouse


def there(of: Settings) -> set[str]:
    return {str(path.relative_to(of.home)) for path in of.home.rglob("*.log")}


def texts(of: Settings) -> list[tuple[str, bool]]:
    found = rows(
        of,
        "select state, row_text is not null as has_text from reject.rejected_row join ledger.batch using (batch_id)"
        " order by batch_id",
    )
    return [tuple(each.values()) for each in found]


def test_without_a_rule_nothing_goes(aged: Settings) -> None:
    before = there(aged)
    assert retention.prune(aged, NOW + timedelta(days=4000)) == []
    assert there(aged) == before and texts(aged) == [("withdrawn", True), ("held", True)]
    assert [(each.days, each.number) for each in retention.old(aged)] == [(None, 0)] * 3


def test_what_is_older_goes_and_the_trail_tells_it(aged: Settings) -> None:
    ruled = aged.model_copy(update={"keep_log_days": 100, "keep_reject_text_days": 10})
    in_a_month = NOW + timedelta(days=30)
    reasons = rejects.counts(aged)
    told = retention.old(ruled, in_a_month)
    assert [(each.kind, each.number, each.size_bytes, each.held_back) for each in told] == [
        ("logs", len(retention.LOGS), 10 * len(retention.LOGS), 0),
        ("reject texts", 1, None, 1),
        ("withdrawn files", 0, 0, 0),
    ]
    assert retention.prune(ruled, in_a_month) == [each._replace(held_back=0) for each in told[:2]]
    assert there(aged) == {f"{name}/new/new.log" for name in retention.LOGS} | {
        "reports/old/old.log",
        "reports/new/new.log",
    }
    # Whoever has to decide still reads what is wrong with the row.
    assert texts(aged) == [("withdrawn", False), ("held", True)] and rejects.counts(aged) == reasons
    with connect(aged, "kho_auditor") as connection:
        newest = [(each.action, each.subject, each.reason) for each in audit.newest(connection, 2)]
    assert newest == [
        ("removed", "1 reject texts", "older than 10 days"),
        ("removed", f"{len(retention.LOGS)} logs", "older than 100 days"),
    ]
    assert retention.prune(ruled, in_a_month) == []


def test_a_silent_program_goes_on_in_the_file_that_it_has_open(aged: Settings) -> None:
    ruled = aged.model_copy(update={"keep_log_days": 100})
    path = processes.logs(aged) / "supervisord.log"
    with path.open("a", buffering=1) as log:
        log.write("came up\n")
        at = (NOW - timedelta(days=400)).timestamp()
        os.utime(path, (at, at))
        assert retention.old(ruled)[0].number == len(retention.LOGS) + 1
        assert retention.prune(ruled)[0].number == len(retention.LOGS) + 1
        os.utime(path, (at, at))
        assert retention.prune(ruled) == []  # it is empty
        log.write("a program went down\n")
    assert path.read_text() == "a program went down\n"


def test_nothing_goes_in_a_night_that_could_not_be_backed_up(aged: Settings, tmp_path: Path) -> None:
    ruled = aged.model_copy(
        update={"keep_log_days": 100, "backup_to": str(tmp_path), "backup_recipient": "x"}
    )
    before = there(aged)
    with pytest.raises(BackupError):
        night.upkeep(ruled)
    assert there(aged) == before
    night.upkeep(ruled.model_copy(update={"backup_to": ""}))
    assert there(aged) < before


def test_the_rules_are_shown(aged: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HOME": aged.home, "PROJECT": aged.project, "WAREHOUSE_DATABASE": aged.warehouse_database, "KEEP_LOG_DAYS": 100,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"KHO_{name}", str(value))
    settings.cache_clear()
    shown = CliRunner().invoke(app, ["retention", "--format", "csv"])
    assert shown.exit_code == 0, shown.output
    size = 10 * len(retention.LOGS)
    assert shown.stdout.splitlines()[1:] == [
        f"logs,100,{len(retention.LOGS)},{size},0",
        "reject texts,ever,0,,0",
        "withdrawn files,ever,0,0,0",
    ]
