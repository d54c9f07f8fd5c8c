"""A folder that appears whole or not at all, also if whoever writes it is killed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


class FolderError(ValueError):
    """A folder that can't be written; the message says why, and what to do."""


@contextmanager
def replaced(folder: Path, name: str, described_by: str) -> Iterator[Path]:
    """A draft that takes the folder's place once it is written. An empty one, or one with this package of ours, may go."""
    folder = folder.absolute()
    before = folder.with_name(f".{folder.name}.before")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if before.exists():  # killed between two renames
        shutil.rmtree(before) if folder.exists() else before.rename(folder)
    _expect_ours(folder, name, described_by)
    _clear_up(folder)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    draft.mkdir()
    try:
        yield draft
        for path in (*draft.iterdir(), draft):
            _sync(path)
        if folder.exists():
            folder.rename(before)
        draft.rename(folder)
        shutil.rmtree(before, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _expect_ours(folder: Path, name: str, described_by: str) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FolderError(f"{folder} is no folder: name one that is empty or not there yet")
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        is_ours = json.loads((folder / described_by).read_text(encoding="utf-8")).get("name") == name
    except (OSError, ValueError, AttributeError):
        is_ours = False
    if not is_ours:
        raise FolderError(
            f"{folder} holds other files, which an export would delete: name a folder that is empty, not there yet, or made by"
            " an earlier export"
        )


def _clear_up(folder: Path) -> None:
    """Drafts of exports that were killed."""
    for left in folder.parent.glob(f".{folder.name}.*.draft"):
        writer = left.name.removesuffix(".draft").rpartition(".")[2]
        if writer.isdecimal() and not psutil.pid_exists(int(writer)):
            shutil.rmtree(left, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
