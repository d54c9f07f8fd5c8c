"""A backup is restored on a second server, and nothing tells the two apart: not even the next night."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from kho import forget
from kho.archive import Archive
from kho.backup import BackupError, back_up, check, new_key, remove_abandoned, restore
from kho.backup.place import Place
from kho.database import connect
from kho.ledger import audit, backups, releases
from kho.server import postgres
from kho.settings import Settings
from tests.conftest import share_manifests
from tests.nights.conftest import NIGHTS, copy_of, finish
from tests.snapshot import lost_rows, snapshot

ALL = ("raw", "reject", "warehouse", "marts", "scoped", "seed", "ledger")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The file of a private key, and the public one."""
    file = tmp_path_factory.mktemp("safe") / "kho.key"
    return file, new_key(file)


@pytest.fixture
def kept(
    after_first_night: Settings, sources: Settings, tmp_path: Path, key: tuple[Path, str]
) -> Iterator[Settings]:
    """A warehouse after one night, with a report, that has to outlive its machine."""
    for settings in copy_of(after_first_night, sources, tmp_path / "home"):
        (settings.home / "reports").mkdir()
        (settings.home / "reports" / "a.docx").write_bytes(b"handed in")
        postgres.create_own_database(settings, "superset")
        with psycopg.connect(postgres.own_url(settings, "superset")) as connection:
            connection.execute("create table if not exists made_by_people as select 'a chart' as name")
        yield settings.model_copy(update={"backup_recipient": key[1]})


@pytest.fixture
def elsewhere(tmp_path: Path, sources: Settings) -> Iterator[Settings]:
    """The empty home of another machine."""
    settings = Settings(home=tmp_path / "elsewhere", project=sources.project)
    yield settings
    if settings.home.exists():
        postgres.remove(settings)


def archived(settings: Settings) -> set[str]:
    return {path.name for path in settings.archive.rglob("*.zst")}


def test_what_was_restored_on_a_second_server_is_the_same_and_so_is_its_next_night(
    kept: Settings,
    elsewhere: Settings,
    after_second_night: tuple[Settings, dict[str, float]],
    tmp_path: Path,
    key: tuple[Path, str],
) -> None:
    before, made = snapshot(kept, *ALL), releases.releases(kept)
    backup = back_up(kept, str(tmp_path / "place"))
    assert backup.files == len(archived(kept)) > 0
    assert backup.batches > 0 and backup.tables["reject.rejected_row"] > 0 and not backup.lost

    held, untouched = restore(elsewhere, str(tmp_path / "place"), key[0])

    there = elsewhere.model_copy(update={"warehouse_database": "kho"})
    assert held == backup and untouched == []
    restored = snapshot(there, *ALL)
    assert restored.pop("ledger.audit_event")[0] == before.pop("ledger.audit_event")[0] + 1
    assert restored == before
    with connect(there, "kho_auditor") as connection:
        assert audit.last(connection).action == "restored"
        assert audit.verify(connection, backup.mark) > 1
    assert releases.releases(there) == made
    assert archived(there) == archived(kept)
    assert (there.home / "reports" / "a.docx").read_bytes() == b"handed in"
    with psycopg.connect(postgres.own_url(there, "superset")) as connection:
        assert connection.execute("select name from made_by_people").fetchall() == [("a chart",)]
    for secret in (kept.home / "secrets").iterdir():
        assert (there.home / "secrets" / secret.name).read_bytes() == secret.read_bytes()
        assert (there.home / "secrets" / secret.name).stat().st_mode & 0o77 == 0
    with connect(kept, "kho_auditor") as connection:
        assert backups.last(connection).name == backup.name

    shutil.rmtree(there.home / "exports", ignore_errors=True)
    (there.home / "exports").symlink_to(kept.home / "exports")
    share_manifests(there.home)
    finish(there, NIGHTS[1], there.home / "progress")
    assert not lost_rows(there)
    undisturbed = snapshot(after_second_night[0])
    assert {name: is_so for name, is_so in snapshot(there).items() if undisturbed.get(name) != is_so} == {}


def test_an_older_backup_does_not_bring_back_who_was_forgotten_since(
    kept: Settings, elsewhere: Settings, tmp_path: Path, key: tuple[Path, str]
) -> None:
    place = str(tmp_path / "place")
    older = back_up(kept, place)
    code, in_rows = a_dossier(kept)
    assert in_rows
    found = forget.look(kept, forget.of_code(kept, "one_stop.dossiers", code))
    old = {file.arrival.sha256 for file in found.files}
    forget.forget(kept, found.tombstones, actor="lan", reason="Decision 1/2026")
    back_up(kept, place)

    restore(elsewhere, place, key[0], older.name)

    there = elsewhere.model_copy(update={"warehouse_database": "kho"})
    assert a_dossier(there, code) == (code, in_rows)
    share_manifests(there.home)
    assert forget.go_on(there) == sum(len(file.rows) for file in found.files)
    for each in (kept, there):
        assert a_dossier(each, code) == (code, [])
        assert not any(code.encode() in text for text in archived_texts(each))
    # Its old files leave the place once no backup is left that tells of them.
    there_still = {file.name.partition(".")[0] for file in Path(place, "archive").rglob("*.age")}
    assert old <= there_still
    shutil.rmtree(Path(place, "backups", older.name))
    back_up(kept, place)
    left = {file.name.partition(".")[0] for file in Path(place, "archive").rglob("*.age")}
    assert left == there_still - old
    assert not check(kept, place, key[0]).lost


def a_dossier(settings: Settings, code: str | None = None) -> tuple[str, list[tuple[str, int]]]:
    """A dossier's code, and how many rows of each table have it anywhere."""
    with psycopg.connect(settings.admin_url()) as connection:
        if code is None:
            (code,) = connection.execute(
                "select dossier_code from raw.one_stop__supplements order by 1 limit 1"
            ).fetchone()
        tables = connection.execute(
            "select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace"
            " where relkind = 'r' and nspname !~ '^(pg_|information_schema)' order by 1, 2"
        ).fetchall()
        found = [
            (
                ".".join(name),
                connection.execute(
                    sql.SQL("select count(*) from {} as told where told::text like %s").format(
                        sql.Identifier(*name)
                    ),
                    [f"%{code}%"],
                ).fetchone()[0],
            )
            for name in tables
        ]
    return code, [each for each in found if each[1]]


def archived_texts(settings: Settings) -> Iterator[bytes]:
    for name in archived(settings):
        with Archive.of(settings).plain(name.removesuffix(".zst")) as path:
            yield path.read_bytes()


def test_a_second_backup_copies_no_file_again_and_each_can_be_had(
    kept: Settings, tmp_path: Path, key: tuple[Path, str]
) -> None:
    place = Place.of(kept, str(tmp_path / "place"))
    first = back_up(kept, place.address)
    sealed = {path: path.stat().st_mtime_ns for path in Path(place.folder, "archive").rglob("*.age")}
    assert len(sealed) == first.files
    # What the archive has lost since is in the place already.
    lost = next(kept.archive.rglob("*.zst"))
    lost.unlink()
    second = back_up(kept, place.address)
    assert not second.lost
    assert sealed == {path: path.stat().st_mtime_ns for path in Path(place.folder, "archive").rglob("*.age")}
    assert place.backups() == [first.name, second.name]
    assert place.manifest() == second and place.manifest(first.name) == first
    # What was never there is told, and the rest is backed up.
    third = back_up(kept, str(tmp_path / "another"))
    assert third.lost == [lost.name.removesuffix(".zst")]
    assert len(list((tmp_path / "another" / "archive").rglob("*.age"))) == first.files - 1


def test_nothing_of_a_backup_can_be_read_without_the_key(
    kept: Settings, tmp_path: Path, key: tuple[Path, str]
) -> None:
    place = tmp_path / "place"
    back_up(kept, str(place))
    secret = (kept.home / "secrets" / "kho_loader").read_bytes().strip()
    for path in place.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o77 == 0
            content = path.read_bytes()
            assert path.name == "manifest.json" or content.startswith(b"age-encryption.org/")
            assert secret not in content and b"maHoSo" not in content and b"PGDMP" not in content
    new_key(another := tmp_path / "another.key")
    with pytest.raises(BackupError, match="sealed for another key"):
        check(kept, str(place), another)
    with pytest.raises(BackupError, match="holds no private key"):
        check(kept, str(place), place / "backups" / Place.of(kept, str(place)).backups()[0] / "manifest.json")


def test_a_check_restores_aside_and_finds_what_is_damaged(
    kept: Settings, tmp_path: Path, key: tuple[Path, str]
) -> None:
    place = tmp_path / "place"
    backup, before = back_up(kept, str(place)), snapshot(kept, *ALL)
    home = sorted(path.name for path in kept.home.iterdir())
    assert check(kept, str(place), key[0]) == backup
    assert snapshot(kept, *ALL) == before and sorted(path.name for path in kept.home.iterdir()) == home
    # Killed, it leaves a server; the next one ends that, and so does `kho down`.
    for clear_up in (partial(check, kept, str(place), key[0]), partial(remove_abandoned, kept)):
        pid = server_of_killed_check(kept, place, key[0])
        clear_up()
        # Nobody reaps it here.
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        assert sorted(path.name for path in kept.home.iterdir()) == home
    sealed = next((place / "archive").rglob("*.age"))
    whole = sealed.read_bytes()
    sealed.chmod(0o600)
    sealed.write_bytes(whole[:-40])
    with pytest.raises(BackupError, match="is damaged"):
        check(kept, str(place), key[0])
    dump = place / "backups" / backup.name / "warehouse.dump.age"
    dump.chmod(0o600)
    dump.write_bytes(dump.read_bytes()[:-1000])
    with pytest.raises(BackupError, match="damaged"):
        check(kept, str(place), key[0])


def server_of_killed_check(kept: Settings, place: Path, key: Path) -> int:
    """Kill a check; gives the process of the server that it left."""
    environment = {"KHO_HOME": str(kept.home), "KHO_WAREHOUSE_DATABASE": kept.warehouse_database}

    def pids() -> list[int]:
        lock_files = kept.home.glob("kho-restore-*/home/postgres/data/postmaster.pid")
        return [int(file.read_text().split()[0]) for file in lock_files if file.stat().st_size]

    told = "restore", "--from", str(place), "--key", str(key), "--check"
    (pid,) = killed_when(pids, environment, *told)
    assert psutil.pid_exists(pid)
    return pid


def test_a_backup_or_a_restore_that_is_killed_is_done_again(
    kept: Settings,
    elsewhere: Settings,
    tmp_path: Path,
    key: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, home = tmp_path / "place", elsewhere.home
    of_kept = {
        "KHO_HOME": str(kept.home),
        "KHO_WAREHOUSE_DATABASE": kept.warehouse_database,
        "KHO_BACKUP_RECIPIENT": key[1],
    }
    begun = killed_when(lambda: list(place.rglob("*.age")), of_kept, "backup", "--to", str(place))
    assert begun and Place.of(kept, str(place)).backups() == []
    backup = back_up(kept, str(place))

    told = "restore", "--from", str(place), "--key", str(key[0])
    for part in ("secrets", "postgres", "archive"):
        killed_when((home / part).exists, {"KHO_HOME": str(home)}, *told)
        assert (home / "restore-unfinished").exists()
    # Killed when all is there and written down, it only ends.
    write = audit.write
    with monkeypatch.context() as patch:
        patch.setattr(audit, "write", lambda *told: (write(*told), (_ for _ in ()).throw(KeyboardInterrupt)))
        with pytest.raises(KeyboardInterrupt):
            restore(elsewhere, str(place), key[0])
    held, _ = restore(elsewhere, str(place), key[0])
    there = elsewhere.model_copy(update={"warehouse_database": "kho"})
    assert held == backup and not list(home.glob("restore-*"))
    with connect(there, "kho_auditor") as connection:
        assert [event.action for event in audit.newest(connection, 2)].count("restored") == 1
    assert archived(there) == archived(kept)
    assert snapshot(there) == snapshot(kept)
    # What is there is not overwritten.
    with pytest.raises(BackupError, match="restored into an empty folder"):
        restore(elsewhere, str(place), key[0])


def killed_when(is_so, environment: dict[str, str], *arguments: str):
    """Run kho until this holds, and kill it."""
    kho = Path(sys.executable).with_name("kho")
    project = {"KHO_PROJECT": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [kho, *arguments],
        env=os.environ | project | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (found := is_so()):
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    return found


def test_what_cannot_be_done_says_what_to_do(
    kept: Settings, elsewhere: Settings, tmp_path: Path, key: tuple[Path, str]
) -> None:
    without = kept.model_copy(update={"backup_recipient": ""})
    for settings, place, said in (
        (without, str(tmp_path / "a"), "kho backup key FILE"),
        (
            kept.model_copy(update={"backup_recipient": "age1nonsense"}),
            str(tmp_path / "a"),
            "is no public key",
        ),
        (kept, "", "is no place for backups"),
        (kept, "ftp://backup.example.org", "is no place for backups"),
        (kept, str(kept.home / "backups"), "would be lost with"),
        (kept, "s3://bucket/kho", "there is no connection backup"),
    ):
        with pytest.raises(BackupError, match=said):
            back_up(settings, place)
    with pytest.raises(BackupError, match="there is no backup at"):
        restore(elsewhere, str(tmp_path / "a"), key[0])
    assert not elsewhere.home.exists()
    # Settings of the new machine stay.
    back_up(kept, str(tmp_path / "place"))
    elsewhere.home.mkdir()
    (elsewhere.home / "connections.json").write_text('{"here": {"host": "127.0.0.1"}}')
    _, untouched = restore(elsewhere, str(tmp_path / "place"), key[0])
    assert untouched == ["connections.json"]
    assert "here" in (elsewhere.home / "connections.json").read_text()
    assert (elsewhere.home / "connections.json.from-backup").read_bytes() == (
        kept.home / "connections.json"
    ).read_bytes()
