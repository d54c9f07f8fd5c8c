"""Reading exports: every format gives the same blocks of rows, bounded in memory; nothing here knows the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from types import ModuleType
from typing import Literal

from kho.contract import Contract
from kho.formats import records
from kho.formats.block import Block, Export, RowReject, Unreadable
from kho.formats.part import Layout, Part, parts

__all__ = [
    "Block",
    "Export",
    "RowReject",
    "Unreadable",
    "first_bytes",
    "look",
    "open_export",
    "other_encoding",
    "sheets",
]

# Tables have a header and rows; records name their columns themselves.
_TABLES = {
    "csv": "delimited",
    "xlsx": "workbook",
    "xls": "workbook",
    "ods": "workbook",
    "html": "html",
    "parquet": "parquet",
}
_RECORDS = {"jsonl": "json", "json": "json", "xml": "xml"}

#: formats that don't say themselves how they are encoded
_TEXTS = {"csv", "html"}


def open_export(contract: Contract, path: Path) -> Export:
    """The export in this file, read as its contract says. Raises `Unreadable` when it can't be one.

    Where the file holds several parts, they have the same header and their rows follow each other.
    """
    opened = _opened(contract, path)
    whole = next(opened)

    def blocks(before: int = 0) -> Iterator[Block]:
        for export in chain([whole], opened):
            for block in export.blocks(before):
                before += block.row_count
                yield block
            if export is not whole:
                whole.notes += export.notes
                whole.unknown_columns.update(export.unknown_columns)
                whole.unknown_places.update(export.unknown_places | whole.unknown_places)
                whole.respelled_places.update(export.respelled_places | whole.respelled_places)
                if whole.seen_columns is not None:
                    whole.seen_columns.update(export.seen_columns)

    return replace(whole, blocks=blocks)


def look(
    path: Path,
    format: str,
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    sheet: str | None = None,
    records_path: str | None = None,
    compression: Literal["zip", "gzip"] | None = None,
    most: int = 1000,
) -> list[list[object]]:
    """The first raw rows of a file, without any contract: title rows, header and all.

    Texts give str, workbooks their typed cells. Records (JSON, JSON lines, XML) give the union of their paths first,
    then their values. Of a zip's files, tables show the first, records all. Raises `Unreadable`.
    """
    layout = Layout(format, encoding, delimiter, sheet, records_path, compression)
    found = parts(path, layout)
    if format in _RECORDS:
        batches = (batch for part in found for batch in _reader(format).records(part, layout))
        return list(records.look(batches, most))
    part = next(found)
    with _told(part):
        return list(islice(_reader(format).look(part, layout), most))


def sheets(path: Path, format: str) -> dict[str, list[list[object]]]:
    """The first rows of every sheet of a workbook by its name, in order. Raises `Unreadable`."""
    layout = Layout(format)
    found = parts(path, layout)
    return import_module("kho.formats.workbook").sheets(next(found), layout)


def first_bytes(path: Path, compression: Literal["zip", "gzip"] | None = None, most: int = 1 << 20) -> bytes:
    """The first bytes of a file, or of the first file in its zip or gzip. Raises `Unreadable`."""
    found = parts(path, Layout("", compression=compression))
    return next(found).stream.read(most)


def other_encoding(contract: Contract, path: Path) -> str | None:
    """The encoding that a text file seems to have, in words, where it is not the contract's; None where it can't be told."""
    if contract.format not in _TEXTS:
        return None
    from kho.formats.guessing import guess

    try:
        found = guess(first_bytes(path, contract.server.compression))
    except Unreadable:
        return None
    is_other = found.encoding.split("-")[:2] != contract.encoding.lower().split("-")[:2]
    return f"it looks like {found}" if is_other and found.confidence >= 0.5 else None


def _reader(format: str) -> ModuleType:
    return import_module(f"kho.formats.{(_TABLES | _RECORDS)[format]}")


def _opened(contract: Contract, path: Path) -> Iterator[Export]:
    """Each part's export; its rows are to be read before the next is asked for."""
    layout, header = Layout.of(contract), None
    for part in parts(path, layout):
        with _told(part):
            export = _open(contract, part, layout)
            header = header or export.header
            if export.header != header:
                raise Unreadable("it has another header than the parts before it")
        yield replace(export, blocks=_blocks_of(part, export))
    if header is None:
        yield records.open_export(contract, iter(()))


def _open(contract: Contract, part: Part, layout: Layout) -> Export:
    # JSON lines have no header: nothing happened that day, says an empty file. XML says itself that it is none.
    if not part.stream.peek(1) and layout.format not in ("jsonl", "xml"):
        raise Unreadable("the file is empty: not even a header")
    reader = _reader(layout.format)
    if layout.format in _TABLES:
        return reader.open_export(contract, part, layout)
    whole = {column.header for column in contract.columns}
    return records.open_export(contract, reader.records(part, layout, whole))


def _blocks_of(part: Part, export: Export):
    def blocks(before: int = 0) -> Iterator[Block]:
        with _told(part):
            for block in export.blocks(before):
                # Of an unpacked file nobody finds a row by its place.
                yield block if part.is_plain else replace(block, offsets=None)

    return blocks


@contextmanager
def _told(part: Part) -> Iterator[None]:
    """What is wrong with a part is told with its place."""
    try:
        yield
    except Unreadable as problem:
        raise Unreadable(f"{part.place}: {problem}" if part.place else str(problem)) from None
