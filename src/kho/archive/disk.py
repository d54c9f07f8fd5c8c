"""A folder of this machine as the archive's place: for its owner only, and on disk once it is said to be there."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem


class Disk(LocalFileSystem):
    """Local files; those that are written can't be changed by anybody afterwards."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=exist_ok)

    def _open(self, path: str, mode: str = "rb", *rest: Any, **options: Any) -> Any:
        if mode != "wb":
            return super()._open(path, mode, *rest, **options)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        return io.BufferedWriter(_Synced(handle, "wb"))

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        Path(path1).replace(path2)
        for folder in (Path(path2).parent, Path(path1).parent):
            _sync(folder)


class _Synced(io.FileIO):
    """A file that is on disk once it is closed."""

    def close(self) -> None:
        if not self.closed:
            os.fsync(self.fileno())
        super().close()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
