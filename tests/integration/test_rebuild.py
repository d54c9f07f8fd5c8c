"""From the archive alone an empty warehouse comes back: the same batches, rows, rejects, decisions, by the same numbers."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg.sql import SQL, Identifier
from typer.testing import CliRunner

from kho import night, retention, settings
from kho.cli import app
from kho.contract import contracts
from kho.database import connect
from kho.ledger import audit, backups, batches, decisions, history, locks, reports
from kho.ledger.decisions import DecisionError
from kho.ledger.history import HistoryError
from kho.load import load, replay
from kho.rebuild import HISTORY, RebuildError, keep_history, rebuild
from kho.settings import Settings
from kho.transform import builds
from tests.conftest import fresh_warehouse
from tests.contracts import document
from tests.integration.loading import deliver, rows
from tests.owner import as_owner

PERMITS = "registry.permits"
DAYS = [date(2021, 1, n) for n in range(4, 10)]
NAMES = [f"permits_{day:%Y%m%d}.csv" for day in DAYS]
#: what is told otherwise of a warehouse that is not this one any more
OTHERWISE = {"build", "release", "release_pin", "audit_event"}
HOLDER = {
    "name": "holder_hash",
    "physicalName": "holder",
    "logicalType": "string",
    "classification": "personal",
    "customProperties": [{"property": "personalData", "value": "hash"}],
}
PLACE = {"name": "place", "logicalType": "string"}


@pytest.fixture
def original(warehouse: Settings, tmp_path: Path) -> Settings:
    """A warehouse of which a contract changed, people decided and a report was handed in; and its history."""
    project = tmp_path / "project"
    here = warehouse.model_copy(update={"project": project})
    (project / "dbt_project").mkdir(parents=True)
    (project / "dbt_project" / "seeds").symlink_to(warehouse.project / "dbt_project" / "seeds")
    (project / "expectations").symlink_to(warehouse.project / "expectations")
    write_contract(here, "1.0.0", HOLDER)
    take(here, 0, "code;holder\nA1;012345678901\nA2;\n;1\n")
    take(here, 1, "code;holder\nB1;012345678901\n")
    take(here, 2, "nothing that could be read\n")
    take(here, 3, "code;holder\nD1;1\n")
    take(here, 3, "code;holder\nD2;2\nD3;3\n")  # the same delivery with other bytes
    take(here, 4, "code;holder\nE1;5\n")
    write_contract(here, "1.1.0", HOLDER, PLACE)
    take(here, 5, "code;holder;place\nF1;012345678901;here\n;;\n")
    for number in (1, 4, 5, 7):
        decisions.accept(here, number, actor="lan", reason="it is good")
    decisions.accept(here, 2, actor="thu", reason="seen with the source")
    decisions.undo(here, 2, actor="thu", reason="seen wrongly")
    decisions.withdraw(here, 6, actor="thu", reason="of another place")
    builds.open_build(here, DAYS[-1])
    builds.close_build(here)
    with as_owner(here) as connection:
        connection.execute(
            "insert into ledger.release (build_id, schema_name, business_date, state) values (1, 'release_1', %s, 'in_force')",
            [DAYS[-1]],
        )
        reports.insert(
            connection, "H51.12", DAYS[0], DAYS[-1], version=1, release_id=1, reported_by="Chánh Văn phòng",
            reported_at=datetime(2021, 2, 1, tzinfo=UTC), content='{"a": 1.50}', figures=[],
        )  # fmt: skip
    keep_history(here)
    return here


def write_contract(here: Settings, version: str, *columns: dict) -> None:
    server = {"type": "local", "path": "registry/permits", "format": "csv", "encoding": "utf-8"}
    written = document(
        server, fileName=r"permits_(?P<business_date>\d{8})\.csv", delimiter=";", columns=[*columns]
    )
    path = here.project / "contracts" / "registry" / "permits.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(written | {"version": version}))


def take(here: Settings, number: int, text: str) -> None:
    contract = contracts(here)[PERMITS]
    deliver(here, contract, NAMES[number], text.encode(), DAYS[number])
    load(here, contract)


@pytest.fixture
def empty(original: Settings, server: Settings, tmp_path: Path) -> Iterator[Settings]:
    """An empty warehouse of the same server, with a copy of the archive and of the secrets."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    shutil.copytree(original.home / "secrets", home / "secrets")
    shutil.copytree(original.archive, home / "archive", copy_function=os.link)
    for there in fresh_warehouse(server, home):
        yield there.model_copy(update={"project": original.project})


def content(here: Settings, *schemas: str) -> dict[str, list[str]]:
    """Every row of every table, with all numbers and times."""
    with psycopg.connect(here.admin_url(), options="-c TimeZone=UTC") as connection:
        tables = connection.execute(
            "select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace"
            " where relkind = 'r' and nspname = any(%s)",
            [list(schemas)],
        ).fetchall()
        return {
            f"{schema}.{name}": sorted(
                line
                for (line,) in connection.execute(
                    SQL("select row_to_json(t)::text from {} as t").format(Identifier(schema, name))
                )
            )
            for schema, name in tables
        }


def told(here: Settings) -> dict[str, list[str]]:
    """What of the ledger is the same in a warehouse that was rebuilt."""
    return {
        name: lines
        for name, lines in content(here, "ledger").items()
        if name.removeprefix("ledger.") in set(history.TABLES) - OTHERWISE
    }


def test_an_empty_warehouse_comes_back_the_same(original: Settings, empty: Settings) -> None:
    rebuilt = rebuild(empty)
    assert (rebuilt.head.batches, rebuilt.head.night, rebuilt.lost, rebuilt.differing) == (
        7,
        DAYS[-1],
        {},
        {},
    )
    assert content(empty, "raw", "reject") == content(original, "raw", "reject")
    assert told(empty) == told(original)
    states = [row[4] for row in batches.batches(empty)]
    assert states == ["accepted", "withdrawn", "accepted", "withdrawn", "unreadable", "pending", "accepted"]
    # The trail goes on behind what it was, and nobody can tell that it was copied.
    with connect(original, "kho_auditor") as connection:
        mark = audit.last(connection).mark
    with connect(empty, "kho_auditor") as connection:
        assert audit.verify(connection, mark) == int(mark.partition(":")[0]) + 2
        assert [each.action for each in audit.newest(connection, 2)] == ["rebuilt", "rebuild begun"]
        content_then = reports.content(connection, 1)
    assert content_then == '{"a": 1.50}'
    # What is gone is told as gone: the next build makes everything anew, and numbers go on.
    assert rows(empty, "select state from ledger.build union all select state from ledger.release") == [
        {"state": "abandoned"},
        {"state": "dropped"},
    ]
    assert builds.open_build(empty, DAYS[-1]) == 2
    assert rows(empty, "select is_full_refresh from ledger.build where build_id = 2") == [
        {"is_full_refresh": True}
    ]
    take(empty, 5, "code;holder;place\nF1;012345678901;there\n")
    assert batches.batches(empty)[0][0] == 8
    decisions.undo(empty, 6, actor="lan", reason="it was of here")
    # It has a history itself.
    keep_history(empty)


def test_a_second_one_is_refused_and_so_is_a_warehouse_that_is_not_empty(
    original: Settings, empty: Settings
) -> None:
    with pytest.raises(RebuildError, match="is not empty"):
        rebuild(original)
    rebuild(empty)

    def everything() -> dict[str, list[str]]:
        found = content(empty, "ledger", "raw", "reject")
        del found["ledger.lock"]  # who held one last
        return found

    before = everything()
    with pytest.raises(RebuildError, match="Name an empty database"):
        rebuild(empty)
    assert everything() == before


@pytest.mark.parametrize("step", ["the ledger was entered", "a batch was loaded", "a batch is what it was"])
def test_killed_it_goes_on_and_until_then_nothing_is_built_and_no_history_is_lost(
    step: str, original: Settings, empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dies(work, times: int = 1):
        calls = [0]

        def worked(*given, **named):
            calls[0] += 1
            given_back = work(*given, **named) if calls[0] <= times else None
            if calls[0] >= times:
                raise Killed
            return given_back

        return worked

    from kho import rebuild as module

    kept = (empty.archive / HISTORY).read_bytes()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        match step:
            case "the ledger was entered":
                patch.setattr(module.history, "missing", dies(module.history.missing))
            case "a batch was loaded":
                patch.setattr(module, "again", dies(module.again, 2))
            case _:
                patch.setattr(module.history, "bring_back", dies(module.history.bring_back, 3))
        rebuild(empty)
    with pytest.raises(HistoryError, match="run `kho rebuild` again"):
        builds.open_build(empty, DAYS[-1])
    with pytest.raises(HistoryError, match="run `kho rebuild` again"):
        keep_history(empty)
    assert (empty.archive / HISTORY).read_bytes() == kept
    with pytest.raises(decisions.DecisionError, match="its rows are not rebuilt yet"):
        decisions.accept(empty, 7, actor="lan", reason="it looks good")
    assert rebuild(empty).head.batches == 7
    assert content(empty, "raw", "reject") == content(original, "raw", "reject")
    assert told(empty) == told(original)


def test_two_at_once_do_nothing_twice(empty: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from kho import rebuild as module

    monkeypatch.setattr(module, "_PATIENCE", timedelta(0))
    with connect(empty, "kho_loader", autocommit=True) as another:
        locks.hold(another, "rebuild")
        with pytest.raises(locks.Blocked, match="kho kho_loader"):
            rebuild(empty)
    with connect(empty, "kho_auditor") as connection:
        assert history.is_empty(connection)


def test_it_is_killed_as_an_operator_would_and_typed_again(original: Settings, empty: Settings) -> None:
    environment = os.environ | {
        "KHO_HOME": str(empty.home),
        "KHO_PROJECT": str(empty.project),
        "KHO_WAREHOUSE_DATABASE": empty.warehouse_database,
        "COLUMNS": "300",
    }
    command = [Path(sys.executable).with_name("kho"), "rebuild"]
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 300
    while not content(empty, "reject")["reject.rejected_row"]:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    done = ended.returncode == 0 and f"kho run --date {DAYS[-1]}" in ended.stdout
    # It may have been killed when all was done.
    assert done or "is not empty" in ended.stderr, ended.stderr
    assert content(empty, "raw", "reject") == content(original, "raw", "reject")
    assert told(empty) == told(original)


def test_without_its_key_or_with_another_nothing_is_begun(empty: Settings) -> None:
    path = empty.home / "secrets" / "hash_key"
    key = path.read_text()
    path.unlink()
    with pytest.raises(RebuildError, match=r"hash_key is not there: by this key people are told apart"):
        rebuild(empty)
    assert not path.exists()
    path.write_text("another")
    with pytest.raises(RebuildError, match="is not the key"):
        rebuild(empty)
    with connect(empty, "kho_auditor") as connection:
        assert history.is_empty(connection)
    path.write_text(key)
    rebuild(empty)


def test_lost_and_damaged_files_become_unreadable_batches_which_come_back_when_they_are_replayed(
    original: Settings, empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lost,) = rows(
        original, "select sha256 from ledger.batch join ledger.arrival using (arrival_id) where batch_id = 1"
    )
    file = empty.archive / lost["sha256"][:2] / f"{lost['sha256']}.zst"
    aside = file.rename(empty.home / "aside")
    monkeypatch.setenv("KHO_HOME", str(empty.home))
    monkeypatch.setenv("KHO_PROJECT", str(empty.project))
    monkeypatch.setenv("KHO_WAREHOUSE_DATABASE", empty.warehouse_database)
    settings.settings.cache_clear()
    typed = CliRunner().invoke(app, ["rebuild"])
    settings.settings.cache_clear()
    assert typed.exit_code == 1 and "batch 1 is unreadable: its bytes are not in the archive" in typed.output
    assert batches.batches(empty, batch_id=1)[0][4] == "unreadable"
    with connect(empty, "kho_auditor") as connection:
        assert audit.last(connection).reason == "1 unreadable: 1"
    aside.rename(file)
    from kho.load import replay

    again = replay(empty, contracts(empty)[PERMITS], 1)
    assert (again.rows_loaded, again.rows_rejected) == (2, 1)


def test_a_batch_whose_contract_can_not_be_used_any_more_is_loaded_by_todays_and_what_differs_is_told(
    original: Settings, empty: Settings
) -> None:
    path = empty.archive / HISTORY
    text = gzip.decompress(path.read_bytes()).decode()
    lines = []
    for line in text.splitlines():
        if '"body":' in line and '"version":"1.0.0"' in line:
            line = json.dumps(json.loads(line) | {"body": "no contract"}, separators=(",", ":"))
        lines.append(line)
    assert lines != text.splitlines()
    path.unlink()
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    rebuilt = rebuild(empty)
    assert not rebuilt.lost and set(rebuilt.differing) == {1, 2, 4, 5, 6}
    assert "loaded by today's contract" in rebuilt.differing[1]
    assert content(empty, "raw", "reject") == content(original, "raw", "reject")


def test_a_history_that_is_damaged_or_of_a_newer_kho_is_refused(empty: Settings) -> None:
    path = empty.archive / HISTORY
    whole = path.read_bytes()
    lines = gzip.decompress(whole).splitlines(keepends=True)
    newer = json.dumps(json.loads(lines[0]) | {"ledger": "9999"}).encode() + b"\n"
    for broken, said in (
        (whole[:-20], "is damaged"),
        (b"", "is damaged"),
        (gzip.compress(b"".join(lines[:-1])), "its end is missing"),
        (gzip.compress(b"".join([*lines[:5], *lines[6:]])), "its end is missing"),
        (gzip.compress(b"nothing\n"), "is damaged"),
        (gzip.compress(b"".join([newer, *lines[1:]])), "is of a newer Kho"),
    ):
        path.unlink()
        path.write_bytes(broken)
        with pytest.raises(RebuildError, match=said):
            rebuild(empty)
        with connect(empty, "kho_auditor") as connection:
            assert history.is_empty(connection)
    path.unlink()
    with pytest.raises(RebuildError, match="Bring the archive back first"):
        rebuild(empty)


def test_a_history_of_another_warehouse_is_never_overwritten(original: Settings, empty: Settings) -> None:
    kept = (empty.archive / HISTORY).read_bytes()
    with pytest.raises(HistoryError, match="tells of another warehouse"):
        night.do(empty, "upkeep", DAYS[-1])
    assert (empty.archive / HISTORY).read_bytes() == kept
    # What is damaged goes, for nothing could be rebuilt of it.
    (empty.archive / HISTORY).unlink()
    (empty.archive / HISTORY).write_bytes(kept[:30])
    keep_history(empty)
    # Its own it writes anew.
    decisions.withdraw(original, 2, actor="lan", reason="it is old")
    night.do(original, "upkeep", DAYS[-1])
    head = json.loads(gzip.decompress((original.archive / HISTORY).read_bytes()).splitlines()[0])
    with connect(original, "kho_auditor") as connection:
        assert head["mark"] == audit.last(connection).mark


def test_every_table_of_the_ledger_is_told_of_or_left_out(warehouse: Settings) -> None:
    there = {name.removeprefix("ledger.") for name in content(warehouse, "ledger")}
    assert there == {*history.TABLES, *history.LEFT_OUT}


def test_what_was_withdrawn_long_ago_goes_for_good(original: Settings, empty: Settings) -> None:
    """Its rows and its file; nothing that a kept release was built with, nor what somebody may still decide on."""
    in_days = datetime.now(UTC) + timedelta(days=3)
    ruled = original.model_copy(update={"keep_withdrawn_days": 2})
    assert retention.prune(ruled, in_days - timedelta(days=2)) == []
    decisions.withdraw(original, 1, actor="thu", reason="the release in force has it")
    next_build = builds.open_build(original, DAYS[-1])
    assert next_build
    gone = retention.old(ruled, in_days)[-1]
    assert gone.number == 2 and gone.size_bytes and gone.held_back == 1
    assert (
        retention.prune(ruled, in_days) == [gone._replace(held_back=0)]
        and retention.prune(ruled, in_days) == []
    )
    keep_history(original)
    retention.remove_files(original)
    raw = "select distinct _batch_id from raw.registry__permits order by 1"
    assert [row["_batch_id"] for row in rows(original, raw)] == [1, 2, 5, 7]
    for act in (decisions.accept, decisions.undo):
        with pytest.raises(DecisionError, match="batch 6 can't be decided on: its rows were removed on"):
            act(original, 6, actor="thu", reason="back")
    with pytest.raises(ValueError, match="its file was removed on"):
        replay(original, contracts(original)[PERMITS], 6)
    with connect(original, "kho_auditor") as connection:
        told = set(backups.files(connection))
    archived = {path.name.partition(".")[0] for path in original.archive.rglob("*.zst")}
    assert told == archived and len(told) == 5

    # Nor does a rebuild bring it back.
    shutil.rmtree(empty.archive)
    shutil.copytree(original.archive, empty.archive, copy_function=os.link)
    assert not rebuild(empty).lost
    now, then = content(empty, "raw", "reject", "ledger"), content(original, "raw", "reject", "ledger")
    same = then.keys() - {f"ledger.{name}" for name in OTHERWISE}
    assert {name for name in same if now[name] != then[name]} <= {
        "ledger.arrival",
        "ledger.build_batch",
        "ledger.lock",
    }
    with as_owner(original) as connection:
        connection.execute("update ledger.release set state = 'dropped'")
    assert retention.prune(ruled, in_days)[0].number == 1
    assert [row["_batch_id"] for row in rows(original, raw)] == [2, 5, 7]


def test_a_file_that_others_have_too_stays_and_one_that_comes_again_goes_again(original: Settings) -> None:
    ruled = original.model_copy(update={"keep_withdrawn_days": 2})
    in_days = datetime.now(UTC) + timedelta(days=3)
    take(original, 2, "code;holder\nE1;5\n")  # the bytes of the withdrawn batch 6
    with connect(original, "kho_auditor") as connection:
        before = set(backups.files(connection))
    assert retention.prune(ruled, in_days)[-1].number == 2
    retention.remove_files(original)
    with connect(original, "kho_auditor") as connection:
        left = set(backups.files(connection))
    assert len(before - left) == 1  # that of batch 4
    take(original, 3, "code;holder\nD2;2\nD3;3\n")
    take(original, 4, "code;holder\nE1;5\n")
    retention.remove_files(original)
    assert left == {path.name.partition(".")[0] for path in original.archive.rglob("*.zst")}
