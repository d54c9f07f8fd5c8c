"""Where backups are: a folder of this machine (a mounted share, a disk of its own) or a prefix of a bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from kho.settings import Settings

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

MANIFEST = "manifest.json"
FORMAT = 1
CONNECTION = "backup"
_MOMENT = "%Y-%m-%dT%H%M%S.%fZ"
_ABANDONED = timedelta(days=7)  # no backup takes as long


class BackupError(Exception):
    """A backup that can't be made or restored; the message says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `parts`: the size of each file as it is stored; `tables`: the rows of each table of the warehouse;
    `mark`: of the audit trail; `lost`: files of the archive that were not there or damaged;
    `forgotten`: tombstones, by which an older backup that is restored forgets whom it still knows; `notes`: what is not in it, for a person."""

    name: str
    recipient: str
    ledger: str
    release: int | None
    batches: int
    files: int
    mark: str = ""
    tables: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    forgotten: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def size_bytes(self) -> int:
        return sum(self.parts.values())


@dataclass(frozen=True)
class Place:
    """A folder of a file system; `address` is what people call it."""

    files: AbstractFileSystem
    folder: str
    address: str

    @classmethod
    def of(cls, settings: Settings, address: str) -> Place:
        """The place of this address. Raises `BackupError` where it can't be one."""
        if address.startswith("s3://"):
            return cls(_bucket(settings), address.removeprefix("s3://").rstrip("/"), address)
        if not address or "://" in address:
            raise BackupError(
                f"{address or 'nothing'} is no place for backups: name a folder, or s3://bucket/prefix"
            )
        from kho.archive.disk import Disk

        folder = Path(address).absolute()
        if folder.is_relative_to(settings.home):
            raise BackupError(
                f"{folder} would be lost with {settings.home}: name a folder of another disk or machine"
            )
        return cls(Disk(), str(folder), str(folder))

    def at(self, *names: str) -> str:
        return "/".join((self.folder, *names))

    def backups(self) -> list[str]:
        """The names of all whole backups, oldest first: they are moments."""
        return [name for name in self._folders() if self.files.exists(self.at("backups", name, MANIFEST))]

    def first(self) -> datetime | None:
        """When the oldest backup that is there was begun."""
        return next(map(_moment, self.backups()), None)

    def manifest(self, name: str | None = None) -> Manifest:
        """What a backup holds; the newest one, if none is named. Raises `BackupError` where there is none."""
        have = self.backups()
        if not have or (name and name not in have):
            raise BackupError(
                f"there is no backup{f' {name}' if name else ''} at {self.address}: "
                + (f"there are {', '.join(have[-5:])}" if have else "was it made here, and is it mounted?")
            )
        given = json.loads(self.files.cat_file(self.at("backups", name or have[-1], MANIFEST)))
        if given["format"] != FORMAT:
            raise BackupError(f"backup {given['name']} was made by a newer Kho: restore it with that one")
        return Manifest(**given)

    def close(self, manifest: Manifest) -> None:
        """Write the manifest: now it is a backup."""
        with self.files.open(self.at("backups", manifest.name, MANIFEST), "wb") as file:
            file.write(json.dumps(asdict(manifest), indent=1, sort_keys=True).encode())

    def begin(self) -> str:
        """A new backup's name. What was begun long ago and is no backup goes."""
        for name in self._folders():
            is_old = datetime.now(UTC) - _moment(name) > _ABANDONED
            if is_old and not self.files.exists(self.at("backups", name, MANIFEST)):
                self.files.rm(self.at("backups", name), recursive=True)
        name = datetime.now(UTC).strftime(_MOMENT)
        self.files.makedirs(self.at("backups", name), exist_ok=True)
        return name

    def sealed(self, recipient: str) -> set[str]:
        """The files of the archive that are there, sealed for this key."""
        try:
            found = self.files.find(self.at("archive", recipient))
        except FileNotFoundError:
            return set()
        names = (str(path).rpartition("/")[2] for path in found)
        return {name.partition(".")[0] for name in names if not name.startswith(".")}

    def remove(self, recipient: str, sha256: str) -> None:
        """Remove a file of the archive, if it is there."""
        with suppress(FileNotFoundError):
            self.files.rm_file(self.archived(recipient, sha256))

    def archived(self, recipient: str, sha256: str) -> str:
        return self.at("archive", recipient, sha256[:2], f"{sha256}.zst.age")

    @contextmanager
    def writing(self, path: str) -> Iterator[Any]:
        """A file that is there whole, or not at all."""
        folder, _, _ = path.rpartition("/")
        self.files.makedirs(folder, exist_ok=True)
        draft = f"{folder}/.draft-{uuid4().hex}"
        try:
            with self.files.open(draft, "wb") as file:
                yield file
            self.files.mv(draft, path)
        except BaseException:
            with suppress(FileNotFoundError):
                self.files.rm_file(draft)
            raise

    def _folders(self) -> list[str]:
        try:
            found = self.files.ls(self.at("backups"), detail=False)
        except FileNotFoundError:
            return []
        names = (str(path).rstrip("/").rpartition("/")[2] for path in found)
        return sorted(name for name in names if _is_moment(name))


def _moment(name: str) -> datetime:
    return datetime.strptime(name, _MOMENT).replace(tzinfo=UTC)


def _is_moment(name: str) -> bool:
    try:
        _moment(name)
    except ValueError:
        return False
    return True


def _bucket(settings: Settings) -> AbstractFileSystem:
    from fsspec.implementations.arrow import ArrowFSWrapper

    from kho.fetch import connections
    from kho.fetch.s3 import file_system

    known = connections(settings).get(CONNECTION)
    if known is None:
        raise BackupError(
            f"there is no connection {CONNECTION}: say in {settings.home / 'connections.json'} where the bucket is, and"
            " with which login (access key) and password (secret key)"
        )
    return ArrowFSWrapper(file_system(known))
