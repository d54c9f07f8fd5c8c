"""The catalogue: dbt's page of all models, how they read each other, and what is made of them. One file that works offline."""

from __future__ import annotations

import os
from pathlib import Path

from kho.settings import Settings
from kho.transform.project import docs, fingerprint

FILE = "catalogue.html"


def write(settings: Settings, folder: Path) -> Path:
    """Write the page, unless it is there and nothing has changed since. Raises `TransformError`."""
    path = folder / FILE
    mark = f"<!-- {fingerprint(settings)} -->\n".encode()
    if _ends_with(path, mark):
        return path
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(docs(settings).encode() + mark)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _ends_with(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-len(mark), os.SEEK_END)
            return file.read() == mark
    except OSError:  # not there, or shorter
        return False
