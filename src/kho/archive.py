"""The archive: the bytes of every delivery, named by their sha256 and never changed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kho.settings import Settings


@dataclass(frozen=True)
class Stored:
    """What was stored; storing the same bytes again gives the same."""

    sha256: str
    size_bytes: int


def path(settings: Settings, sha256: str) -> Path:
    """Where the bytes of this name are."""
    return settings.archive / sha256[:2] / sha256


def store(settings: Settings, chunks: Iterable[bytes]) -> Stored:
    """Store the bytes: whole and on disk when this returns, or not there at all."""
    settings.archive.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=settings.archive, prefix=".draft-", delete=False) as draft:
        try:
            for chunk in chunks:
                draft.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            draft.flush()
            os.fsync(draft.fileno())
            target = path(settings, digest.hexdigest())
            target.parent.mkdir(exist_ok=True, mode=0o700)
            Path(draft.name).chmod(0o400)
            Path(draft.name).replace(target)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    for folder in (target.parent, settings.archive):
        _sync(folder)
    return Stored(digest.hexdigest(), size)


def remove_old_drafts(settings: Settings) -> None:
    """Remove what a process that was killed while storing left behind: drafts nobody has written to for a day."""
    for draft in settings.archive.glob(".draft-*"):
        with suppress(FileNotFoundError):  # another process has just finished it
            if time.time() - draft.stat().st_mtime > 24 * 3600:
                draft.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
