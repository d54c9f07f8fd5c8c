"""The archive: the bytes of every delivery, compressed, named by the sha256 of what came and never changed.

It asks for nothing but fsspec's interface, so that another place than a folder of this machine can hold it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from kho.settings import Settings

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_SOME = 1 << 18  # bytes that are unpacked at once
_DRAFT = ".draft-"
_OLD = timedelta(days=1)


class Lost(Exception):
    """What was stored is not there any more, or not as it was; the message is for the operator."""

    def __init__(self, what: str, sha256: str) -> None:
        super().__init__(
            f"its bytes {what} ({sha256[:12]}…): bring the archive back from its backup"
            " and replay the batch, or have the source hand the file over again"
        )


@dataclass(frozen=True)
class Stored:
    """What was stored; storing the same bytes again gives the same."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Archive:
    """Files below a folder of a file system, and where on this machine they may be unpacked."""

    files: AbstractFileSystem
    folder: str
    room: Path

    @classmethod
    def of(cls, settings: Settings) -> Archive:
        from kho.archive.disk import Disk  # what only asks the ledger needs no file system

        return cls(Disk(), str(settings.archive), settings.home)

    def place(self, sha256: str) -> str:
        """Where the bytes of this name are, compressed."""
        return f"{self.folder}/{sha256[:2]}/{sha256}.zst"

    def has(self, sha256: str) -> bool:
        """Whether the bytes of this name were stored."""
        place = self.place(sha256)
        return self.files.exists(place) or self.files.exists(place.removesuffix(".zst"))

    def store(self, chunks: Iterable[bytes]) -> Stored:
        """Store the bytes: whole and kept when this returns, or not there at all."""
        import pyarrow as pa

        digest, size = hashlib.sha256(), 0
        self.files.makedirs(self.folder, exist_ok=True)
        draft = f"{self.folder}/{_DRAFT}{uuid4().hex}"
        try:
            with pa.CompressedOutputStream(self.files.open(draft, "wb"), "zstd") as packed:  # closes both
                for chunk in chunks:
                    packed.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
            place = self.place(digest.hexdigest())
            self.files.makedirs(place.rpartition("/")[0], exist_ok=True)
            self.files.mv(draft, place)
        except BaseException:
            with suppress(FileNotFoundError):
                self.files.rm_file(draft)
            raise
        return Stored(digest.hexdigest(), size)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """A file beside the deliveries: it takes the place of the one of before once it is whole, or never."""
        self.files.makedirs(self.folder, exist_ok=True)
        draft = f"{self.folder}/{_DRAFT}{uuid4().hex}"
        try:
            with self.files.open(draft, "wb") as file:
                yield file
            self.files.mv(draft, f"{self.folder}/{name}")
        except BaseException:
            with suppress(FileNotFoundError):
                self.files.rm_file(draft)
            raise

    def beside(self, name: str) -> Any:
        """A file beside the deliveries, to be read. Raises `FileNotFoundError`."""
        return self.files.open(f"{self.folder}/{name}")

    @contextmanager
    def plain(self, sha256: str) -> Iterator[Path]:
        """A file with the bytes as they came, for as long as this lasts. Raises `Lost` before anything of it is read."""
        with nameless(self.room) as path:
            with path.open("wb") as copy:
                self._unpack(sha256, copy)
            yield path

    @contextmanager
    def packed(self, sha256: str) -> Iterator[IO[bytes]]:
        """The bytes of this name, compressed, and known to be as they came. Raises `Lost` where they are not."""
        import pyarrow as pa

        with Path(os.devnull).open("wb") as nowhere:
            self._unpack(sha256, nowhere)
        try:
            with self.files.open(self.place(sha256)) as file:
                yield file
        except FileNotFoundError:  # an earlier Kho stored it as it was
            with tempfile.TemporaryFile(dir=self.room) as file:
                with pa.CompressedOutputStream(pa.PythonFile(file), "zstd") as packed:
                    self._unpack(sha256, packed)
                    packed.flush()
                yield file

    def remove(self, sha256: str) -> None:
        """Remove the bytes of this name, if they are there."""
        place = self.place(sha256)
        for name in (place, place.removesuffix(".zst")):
            with suppress(FileNotFoundError):
                self.files.rm_file(name)

    def _unpack(self, sha256: str, copy: IO[bytes]) -> None:
        digest = hashlib.sha256()
        try:
            with self._opened(sha256) as file:
                while some := file.read(_SOME):
                    digest.update(some)
                    copy.write(some)
        except FileNotFoundError:
            raise Lost("are not in the archive any more", sha256) from None
        except OSError as error:
            if error.errno is not None:
                raise  # of a disk: what can't be unpacked has no number
            raise Lost("are damaged in the archive", sha256) from None
        if digest.hexdigest() != sha256:
            raise Lost("are damaged in the archive", sha256)

    def _opened(self, sha256: str) -> Any:
        import pyarrow as pa

        place = self.place(sha256)
        try:
            return pa.CompressedInputStream(self.files.open(place), "zstd")
        except FileNotFoundError:
            return self.files.open(place.removesuffix(".zst"))  # an earlier Kho stored it as it was

    def remove_old_drafts(self) -> None:
        """Remove what a process that was killed while storing left behind: drafts nobody has written to for a day."""
        try:
            files = self.files.ls(self.folder, detail=False)
        except FileNotFoundError:  # nothing was stored yet
            return
        for draft in (file for file in files if file.rpartition("/")[2].startswith(_DRAFT)):
            with suppress(FileNotFoundError):  # another process has just finished it
                if datetime.now(UTC) - self.files.modified(draft) > _OLD:
                    self.files.rm_file(draft)


@contextmanager
def nameless(room: Path) -> Iterator[Path]:
    """A file on the disk of this folder that no folder names: nothing of it outlives this, or a process that is killed."""
    with tempfile.TemporaryFile(dir=room) as file:
        yield Path(f"/proc/self/fd/{file.fileno()}")
