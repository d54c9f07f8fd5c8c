"""Making a backup: the databases as they are at one moment, then the files that they tell of, then the rest of the home."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kho.archive import Archive, Lost
from kho.backup import dump, sealing
from kho.backup.place import Manifest, Place
from kho.database import connect
from kho.ledger import audit, backups, forgetting
from kho.server import postgres
from kho.settings import Settings

if TYPE_CHECKING:
    from pyrage import x25519

#: what of a home is in no backup: of the server, made anew, or not ours
LEFT_OUT = {"airflow", "archive", "bi", "dbt", "exports", "logs", "ports.json", "postgres", "supervisord.conf", "supervisord.pid"}  # fmt: skip
#: how the folders of a home begin in which a check restores a backup
ASIDE = "kho-restore-"

Say = Callable[[str, int, int], None]


def back_up(settings: Settings, address: str = "", say: Say = lambda what, done, of: None) -> Manifest:
    """Back up everything that can't be fetched again or computed anew; only files that the place lacks are copied.

    Raises `BackupError` where it can't be made; then the place has what it had. Files of the archive that are lost are
    named in the manifest.
    """
    place = Place.of(settings, address or settings.backup_to)
    key = sealing.public_key(settings.backup_recipient)
    recipient = str(key)
    name = place.begin()
    parts: dict[str, int] = {}
    notes: list[str] = []

    def part(name_of_part: str, source: IO[bytes]) -> None:
        path = place.at("backups", name, f"{name_of_part}.age")
        with place.files.open(path, "wb") as target:
            sealing.seal(source, target, key)
        parts[f"{name_of_part}.age"] = place.files.size(path)

    say("the warehouse", 0, 0)
    with dump.standing_still(settings) as (connection, snapshot):
        version, release, batches = backups.state(connection)
        files = backups.files(connection)
        tombstones = forgetting.tombstones(connection)
        newest = audit.last(connection)
        tables = dump.rows(connection)
        notes.append(_point_in_time(connection.execute("show archive_mode").fetchone() == ("on",)))
        with dump.dumped(settings, settings.admin_url(), snapshot) as stream:
            part("warehouse.dump", stream)
    if postgres.is_running(settings):
        for program in postgres.own_databases(settings):
            say(f"the database of {program}", 0, 0)
            with dump.dumped(settings, postgres.own_url(settings, program)) as stream:
                part(f"{program}.dump", stream)
    else:
        notes.append("Airflow's history is not in it: its database is not on the embedded server")
    written, lost = _back_up_archive(settings, place, key, files, say)
    say("settings, secrets, reports", 0, 0)
    with tempfile.TemporaryFile(dir=settings.home) as packed:
        _pack_home(settings.home, packed)
        packed.seek(0)
        part("home.tar", packed)
    manifest = Manifest(
        name=name,
        recipient=recipient,
        ledger=version,
        release=release,
        batches=batches,
        files=len(files),
        mark=newest.mark if newest else "",
        tables=tables,
        parts=parts,
        lost=lost,
        forgotten=[[each.system, each.column_name, each.sign] for each in tombstones],
        notes=notes,
    )
    place.close(manifest)
    _remove_forgotten(settings, place, recipient)
    backups.write(settings, place.address, name, manifest.size_bytes + written, len(lost))
    return manifest


def _back_up_archive(
    settings: Settings, place: Place, key: x25519.Recipient, files: list[str], say: Say
) -> tuple[int, list[str]]:
    """Copy what the place lacks, file by file; gives the bytes that were written, and what is lost."""
    archive, recipient = Archive.of(settings), str(key)
    have = place.sealed(recipient)
    missing = [sha256 for sha256 in files if sha256 not in have]
    written, lost = 0, []
    for done, sha256 in enumerate(missing):
        say("files of the archive", done, len(missing))
        try:
            with archive.packed(sha256) as source, place.writing(place.archived(recipient, sha256)) as target:
                counted = _Counted(target)
                sealing.seal(source, counted, key)
                written += counted.bytes
        except Lost:
            lost.append(sha256)
    return written, lost


def _remove_forgotten(settings: Settings, place: Place, recipient: str) -> None:
    """Remove files that rows of who is forgotten were taken out of, once no backup is left that tells of them."""
    first = place.first()
    with connect(settings, "kho_auditor") as connection:
        for sha256 in forgetting.removed_before(connection, first) if first else []:
            place.remove(recipient, sha256)


class _Counted:
    """Counts what is written."""

    def __init__(self, target: Any) -> None:
        self._target, self.bytes = target, 0

    def write(self, data: bytes) -> int:
        self._target.write(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        self._target.flush()


def _pack_home(home: Path, target: IO[bytes]) -> None:
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=1, dereference=True) as tar:
        for path in sorted(home.iterdir()):
            is_made_anew = path.name in LEFT_OUT or path.suffix == ".lock" or path.name.startswith(ASIDE)
            if not is_made_anew and not path.is_socket():
                tar.add(path, path.name)


def _point_in_time(is_archived: bool) -> str:
    if is_archived:
        return "The server archives its log: with a base backup of yours, any moment since can be restored"
    return "What came after it can't be restored from it: sources are asked again, decisions are taken again"
