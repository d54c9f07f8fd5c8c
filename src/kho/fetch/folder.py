"""Exports in a folder of this machine, or one mounted here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from kho.fetch.transport import CHUNK_BYTES, Incomplete, Listed, SourceError

#: a file last written less than this ago may still be growing
SETTLE_SECONDS = 2.0


class Folder:
    """The files of one folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.where = str(path)

    def files(self) -> list[Listed]:
        try:
            return [self._listed(path) for path in self._path.iterdir() if path.is_file()]
        except OSError as error:
            raise SourceError(
                f"{self._path} can't be listed ({error.strerror}): is the folder there, mounted and readable?"
            ) from None

    def read(self, file: Listed) -> Iterator[bytes]:
        path = self._path / file.name
        age = time.time() - file.modified.timestamp()
        time.sleep(min(SETTLE_SECONDS, max(0.0, SETTLE_SECONDS - age)))
        try:
            with path.open("rb") as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
            now = self._listed(path)
        except FileNotFoundError:
            raise Incomplete("it was taken away while it was read") from None
        except OSError as error:
            raise SourceError(f"it can't be read ({error.strerror}): may this user read it?") from None
        if now != file:
            raise Incomplete("it is still being written: its size or time changed while it was read")

    def close(self) -> None:
        pass

    def _listed(self, path: Path) -> Listed:
        stat = path.stat()
        return Listed(path.name, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))
