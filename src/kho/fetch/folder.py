"""Exports in a folder of this machine, or one mounted here."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from kho.fetch.budget import MOST_FILES, Budget, expect_some
from kho.fetch.transport import CHUNK_BYTES, Incomplete, Listed, SourceError, expect_unchanged

#: a file last written less than this ago may still be growing
SETTLE_SECONDS = 2.0


class Folder:
    """The files of one folder, which has to be below `root`: who may write there leads Kho nowhere else."""

    def __init__(self, path: Path, root: Path | None = None, budget: Budget | None = None) -> None:
        self._path, self._root = path, root or path
        self._budget = budget or Budget()
        self.where = str(path)

    def files(self) -> list[Listed]:
        found: list[Listed] = []
        try:
            with self._opened() as folder, os.scandir(folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):  # it was taken away meanwhile
                        state = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
                        if not stat.S_ISDIR(state.st_mode):
                            found.append(_listed(entry.name, state))
                            expect_some(len(found), MOST_FILES, "files")
        except OSError as error:
            raise SourceError(
                f"{self._path} can't be listed ({error.strerror}): is the folder there, mounted and readable?"
            ) from None
        return found

    def read(self, file: Listed) -> Iterator[bytes]:
        age = time.time() - file.modified.timestamp()
        time.sleep(min(SETTLE_SECONDS, max(0.0, SETTLE_SECONDS - age)))
        size = 0
        try:
            with self._opened() as folder:
                # A link that took the file's place is not followed, and nobody is waited for at a pipe.
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                with os.fdopen(os.open(file.name, flags, dir_fd=folder), "rb") as opened:
                    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                        raise Incomplete("something else took its place while it was read")
                    while chunk := opened.read(CHUNK_BYTES):
                        size += len(chunk)
                        self._budget.spend(len(chunk))
                        yield chunk
                now = _listed(file.name, os.stat(file.name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            raise Incomplete("it was taken away while it was read") from None
        except OSError as error:
            raise SourceError(f"it can't be read ({error.strerror}): may this user read it?") from None
        expect_unchanged(file, now, size)

    def close(self) -> None:
        pass

    @contextmanager
    def _opened(self) -> Iterator[int]:
        path, root = self._path.resolve(), self._root.resolve()
        if not path.is_relative_to(root):
            raise SourceError(
                f"{self._path} leads out of {self._root}: Kho reads nothing outside. Mount the folder there, or mend the "
                "contract's path"
            )
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield folder
        finally:
            os.close(folder)


def _listed(name: str, state: os.stat_result) -> Listed:
    modified = datetime.fromtimestamp(state.st_mtime, UTC)
    return Listed(name, state.st_size, modified, is_regular=stat.S_ISREG(state.st_mode))
