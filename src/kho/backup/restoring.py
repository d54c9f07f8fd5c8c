"""Restoring: a backup into an empty home, and on a server that has nothing of it; or aside, to see that it can be done."""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg
import pyarrow as pa

from kho.actor import os_user
from kho.archive import Archive, Lost, nameless
from kho.backup import dump, sealing
from kho.backup.making import ASIDE, Say
from kho.backup.place import BackupError, Manifest, Place
from kho.database import SESSION, connect
from kho.ledger import audit, backups, forgetting, schema
from kho.ledger.forgetting import Tombstone
from kho.server import postgres
from kho.settings import Settings

if TYPE_CHECKING:
    from pyrage import x25519

#: in the home while a restore is under way: the entries that were there before, which stay as they are
_UNFINISHED = "restore-unfinished"
#: in its place once all is back and was compared: what follows changes the ledger
_COMPARED = "restore-compared"
#: what an operator may have put into a home beforehand: how to reach the backup, and the servers that take its place
_BEFOREHAND = {"config.toml", "connections.json"}
_SOME = 1 << 20


def restore(
    settings: Settings,
    address: str,
    key_file: Path,
    name: str | None = None,
    say: Say = lambda what, done, of: None,
) -> tuple[Manifest, list[str]]:
    """Bring back a backup, the newest if none is named; gives what it holds, and the entries of the home that were kept.

    The home has to be empty but for `config.toml`, `connections.json` and files that these name; what is there stays, and the
    backup's own lies beside it as `<name>.from-backup`. Killed, it goes on when it is run again. Raises `BackupError`.
    """
    key = sealing.private_key(key_file)
    place = Place.of(settings, address)
    manifest = place.manifest(name)
    kept = _take_home(settings.home)
    say("settings, secrets, reports", 0, 0)
    _bring_home(place, manifest, key, settings.home, kept)
    # By what came with it. What this process was told by its environment leads, as ever.
    settings = Settings(**settings.model_dump(include=settings.model_fields_set))
    postgres.launch(settings)
    postgres.create_databases(settings)
    compared = settings.home / _COMPARED
    if not compared.exists():
        say("the warehouse", 0, 0)
        _bring_databases(settings, place, manifest, key)
        _bring_archive(settings, place, manifest, key, say)
        (settings.home / _UNFINISHED).replace(compared)
    schema.prepare(settings)
    _entomb(settings, place, manifest)
    _write_down(settings, f"{place.address} {manifest.name}")
    compared.unlink()
    return manifest, sorted(kept)


def check(
    settings: Settings,
    address: str,
    key_file: Path,
    name: str | None = None,
    say: Say = lambda what, done, of: None,
) -> Manifest:
    """Restore a backup aside, on a server of its own that goes afterwards: whether it can be done. Raises `BackupError`."""
    place = Place.of(settings, address)  # by the connections that are here
    key = sealing.private_key(key_file)
    manifest = place.manifest(name)
    with _alone(settings.home) as is_alone:
        if not is_alone:
            raise BackupError("another check is under way here: wait for its end")
        _remove_abandoned(settings)
        _restore_aside(settings, place, manifest, key, say)
    return manifest


def remove_abandoned(settings: Settings) -> None:
    """Stop and remove what checks that were killed left behind: their servers, and their folders."""
    with _alone(settings.home) as is_alone:
        if is_alone:
            _remove_abandoned(settings)


@contextmanager
def _alone(home: Path) -> Iterator[bool]:
    """Whether no check is under way in this home, and none will be as long as this lasts."""
    if not home.is_dir():
        yield False
        return
    handle = os.open(home, os.O_RDONLY)  # a lock on the folder itself leaves no file in it
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = True
        except BlockingIOError:
            is_alone = False
        yield is_alone
    finally:
        os.close(handle)


def _remove_abandoned(settings: Settings) -> None:
    for folder in settings.home.glob(f"{ASIDE}*"):
        if (folder / "home").is_dir():
            postgres.remove(_aside(settings, folder))
        shutil.rmtree(folder, ignore_errors=True)


def _aside(settings: Settings, folder: Path) -> Settings:
    return Settings(home=folder / "home", project=settings.project, warehouse_url=None)


def _restore_aside(
    settings: Settings, place: Place, manifest: Manifest, key: x25519.Identity, say: Say
) -> None:
    with tempfile.TemporaryDirectory(prefix=ASIDE, dir=settings.home) as folder:
        aside = _aside(settings, Path(folder))
        aside.home.mkdir()
        try:
            _bring_home(place, manifest, key, aside.home, set())
            postgres.launch(aside)
            postgres.create_databases(aside)
            say("the warehouse", 0, 0)
            _bring_databases(aside, place, manifest, key)
            _bring_archive(aside, place, manifest, key, say)
            schema.prepare(aside)
        finally:
            postgres.remove(aside)


def mend(
    settings: Settings, address: str, key_file: Path, say: Say = lambda what, done, of: None
) -> tuple[list[str], list[str]]:
    """Bring back the files of the archive that are lost or damaged here; gives those, and those that the place lacks too."""
    key = sealing.private_key(key_file)
    place = Place.of(settings, address)
    recipient, archive = str(key.to_public()), Archive.of(settings)
    with connect(settings, "kho_auditor") as connection:
        files = backups.files(connection)
    back: list[str] = []
    lacking: list[str] = []
    for done, sha256 in enumerate(files):
        say("files of the archive", done, len(files))
        try:
            with archive.plain(sha256):
                continue
        except Lost:
            (back if _bring_file(archive, place, recipient, sha256, key) else lacking).append(sha256)
    if back:
        audit.write(settings, "archive mended", f"{len(back)} files from {place.address}")
    return back, lacking


def _take_home(home: Path) -> set[str]:
    """What was in the home before the restore began, which may have been killed since."""
    home.mkdir(parents=True, exist_ok=True)
    marker = home / _UNFINISHED
    for begun in (marker, home / _COMPARED):
        if begun.exists():
            return set(begun.read_text(encoding="utf-8").splitlines())
    there = {path.name for path in home.iterdir()}
    foreign = {"archive", "postgres", "secrets", "contracts", "dbt"} & there
    if foreign:
        raise BackupError(
            f"{home} holds {', '.join(sorted(foreign))}: a backup is restored into an empty folder. Move this one away, or name"
            f" another in KHO_HOME; {' and '.join(sorted(_BEFOREHAND))} may be there beforehand"
        )
    draft = home / f".{_UNFINISHED}"
    draft.write_text("\n".join(sorted(there)), encoding="utf-8")
    draft.replace(marker)
    return there


def _entomb(settings: Settings, place: Place, manifest: Manifest) -> None:
    """Write down whom the place's newest backup knows to be forgotten: the next night goes through with it, if nobody does before."""
    newest = place.manifest()
    lacking = [Tombstone(*each) for each in newest.forgotten if each not in manifest.forgotten]
    if lacking:
        with connect(settings, "kho_operator") as connection:
            forgetting.write(
                connection, lacking, actor=os_user(), reason=f"forgotten before: backup {newest.name}"
            )


def _write_down(settings: Settings, what: str) -> None:
    """Write into the audit trail that this was restored, unless a restore that was killed did so."""
    with connect(settings, "kho_auditor") as connection:
        newest = audit.last(connection)
    if not newest or (newest.action, newest.subject) != ("restored", what):
        audit.write(settings, "restored", what)


def _part(place: Place, manifest: Manifest, name: str, target: IO[bytes], key: x25519.Identity) -> None:
    path = place.at("backups", manifest.name, f"{name}.age")
    try:
        with place.files.open(path) as source:
            sealing.unseal(source, target, key, f"{path}, a part of backup {manifest.name},")
    except FileNotFoundError:
        raise BackupError(f"{path}, a part of backup {manifest.name}, is not there any more") from None


def _bring_home(place: Place, manifest: Manifest, key: x25519.Identity, home: Path, kept: set[str]) -> None:
    with tempfile.TemporaryFile(dir=home) as packed, tempfile.TemporaryDirectory(dir=home) as aside:
        _part(place, manifest, "home.tar", packed, key)
        packed.seek(0)
        with tarfile.open(fileobj=packed, mode="r:gz") as tar:
            tar.extractall(aside, filter="data")
        for path in sorted(Path(aside).iterdir()):
            target = home / (f"{path.name}.from-backup" if path.name in kept else path.name)
            if target.is_dir():  # of a restore that was killed
                shutil.rmtree(target)
            path.replace(target)


def _bring_databases(settings: Settings, place: Place, manifest: Manifest, key: x25519.Identity) -> None:
    with psycopg.connect(settings.admin_url(), options=SESSION, application_name="kho restore") as connection:
        if connection.execute("select to_regnamespace('ledger') is not null").fetchone() != (True,):
            schema.prepare_roles(connection, settings)
            connection.commit()
            with dump.restoring(settings, settings.admin_url()) as target:
                _part(place, manifest, "warehouse.dump", target, key)
        found = dump.rows(connection)
    if differing := sorted(set(manifest.tables.items()) ^ set(found.items())):
        raise BackupError(
            f"the database holds something else than backup {manifest.name}: {', '.join(f'{n} {c}' for n, c in differing[:5])}."
            " Restore it into a database that is empty"
        )
    for part in sorted(manifest.parts.keys() - {"warehouse.dump.age", "home.tar.age"}):
        program = part.partition(".")[0]
        postgres.create_own_database(settings, program)
        with psycopg.connect(postgres.own_url(settings, program)) as connection:
            is_there = connection.execute(
                "select exists (select from pg_class where relnamespace = 'public'::regnamespace)"
            ).fetchone()
        if is_there != (True,):
            with dump.restoring(settings, postgres.own_url(settings, program)) as target:
                _part(place, manifest, f"{program}.dump", target, key)


def _bring_archive(
    settings: Settings, place: Place, manifest: Manifest, key: x25519.Identity, say: Say
) -> None:
    archive = Archive.of(settings)
    with psycopg.connect(settings.admin_url(), options=SESSION, application_name="kho restore") as connection:
        files = backups.files(connection)
    for done, sha256 in enumerate(files):
        say("files of the archive", done, len(files))
        if sha256 in manifest.lost or archive.has(sha256):
            continue
        if not _bring_file(archive, place, manifest.recipient, sha256, key):
            raise BackupError(
                f"{place.archived(manifest.recipient, sha256)} is not there any more: backup {manifest.name} is not whole"
            )


def _bring_file(archive: Archive, place: Place, recipient: str, sha256: str, key: x25519.Identity) -> bool:
    """Bring a file of the archive back, if the place has it."""
    path = place.archived(recipient, sha256)
    with nameless(archive.room) as packed:
        with packed.open("wb") as target:
            try:
                with place.files.open(path) as source:
                    sealing.unseal(source, target, key, path)
            except FileNotFoundError:
                return False
        stored = archive.store(_plain(packed))
    if stored.sha256 != sha256:
        raise BackupError(f"{path} holds another file than its name says")
    return True


def _plain(packed: Path) -> Iterator[bytes]:
    with closing(pa.CompressedInputStream(pa.OSFile(str(packed)), "zstd")) as stream:
        while some := stream.read(_SOME):
            yield some
