"""Reading exports: every format gives the same blocks of rows, bounded in memory; nothing here knows the database."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from kho.contract import Contract
from kho.formats.block import Block, Export, RowReject, Unreadable

__all__ = ["Block", "Export", "RowReject", "Unreadable", "open_export"]

_READERS = {"csv": "delimited", "xlsx": "xlsx", "html": "html", "jsonl": "json", "json": "json"}


def open_export(contract: Contract, path: Path) -> Export:
    """The export in this file, read as its contract says. Raises `Unreadable` when it can't be one."""
    # JSON lines have no header: nothing happened that day, says an empty file.
    if path.stat().st_size == 0 and contract.format != "jsonl":
        raise Unreadable("the file is empty: not even a header")
    return import_module(f"kho.formats.{_READERS[contract.format]}").open_export(contract, path)
