"""JSON lines, and the pages of a JSON API (archived as a JSON text sequence, RFC 7464): read record by record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kho.contract import Contract
from kho.formats.block import Block, Export, RowReject, Unreadable, copy_text

BLOCK_ROWS = 5_000
MAX_LINE_BYTES = 1 << 20
_RECORD_SEPARATOR = b"\x1e"


def open_export(contract: Contract, path: Path) -> Export:
    header = [column.header for column in contract.columns]
    export = Export(header, lambda: iter(()), seen_columns=set())
    records = _lines(path) if contract.format == "jsonl" else _pages(contract, path)
    first = next(records, None)  # opened now: a file that is no JSON at all must fail as a whole
    if (
        contract.format == "jsonl"
        and first is not None
        and isinstance(first[1], str)
        and next(records, None) is None
    ):
        raise Unreadable(f"the file is no JSON lines: {first[1]}")

    def blocks() -> Iterator[Block]:
        records = _lines(path) if contract.format == "jsonl" else _pages(contract, path)
        yield from _blocks(records, header, export)

    export.blocks = blocks
    return export


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | str | None]]:
    """Offset and object of each line; a text says what is wrong with it, None that it is blank."""
    offset = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES):
            size = len(line)
            if size == MAX_LINE_BYTES and not line.endswith(b"\n"):
                while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    size += len(rest)
                yield offset, f"the line is longer than {MAX_LINE_BYTES} bytes"
                offset += size + len(rest)
                continue
            yield offset, _parsed(line.removeprefix(b"\xef\xbb\xbf")) if line.strip() else None
            offset += size


def _parsed(text: bytes) -> dict[str, Any] | str:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"not JSON: {error}"
    return value if isinstance(value, dict) else "not a JSON object"


def _pages(contract: Contract, path: Path) -> Iterator[tuple[int, dict[str, Any] | str | None]]:
    """Offset (of its page) and object of each record of each page."""
    for offset, page in _documents(path, contract.file.max_file_megabytes * 1_000_000):
        document = _parsed(page)
        if isinstance(document, str):
            raise Unreadable(f"the page at byte {offset} can't be read ({document}): is the file cut off?")
        records = document.get(contract.file.records_path or "items")
        if not isinstance(records, list):
            raise Unreadable(f"the page at byte {offset} has no list '{contract.file.records_path}'")
        for record in records:
            yield offset, record if isinstance(record, dict) else "not a JSON object"


def _documents(path: Path, cap: int) -> Iterator[tuple[int, bytes]]:
    """Offset and text of each document of a sequence; a file without separators is one document."""
    offset, pending = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            *whole, pending = (pending + chunk).split(_RECORD_SEPARATOR)
            for document in whole:
                if document.strip():
                    yield offset, document
                offset += len(document) + 1
            if len(pending) > cap:
                raise Unreadable(
                    f"a page is larger than {cap // 1_000_000} MB: its contract's maxFileMegabytes"
                )
    if pending.strip():
        yield offset, pending


def _blocks(
    records: Iterator[tuple[int, dict[str, Any] | str | None]], header: list[str], export: Export
) -> Iterator[Block]:
    expected, number = set(header), 0
    is_left = True
    while is_left:
        first = number + 1
        offsets: list[int] = []
        rows: list[tuple[int, list[str | None]]] = []
        rejects: list[RowReject] = []
        skipped: Counter[str] = Counter()
        for offset, record in records:
            number += 1
            offsets.append(offset)
            if record is None:
                skipped["blank row"] += 1
            elif isinstance(record, str):
                rejects.append(RowReject(number, record))
            elif "\0" in "".join(values := [_text(record.get(name)) or "" for name in header]):
                rejects.append(RowReject(number, "a zero character stands in the row"))
            else:
                rows.append((number, [value or None for value in values]))
                export.seen_columns |= record.keys() & expected
                export.unknown_columns.update(
                    key for key in record.keys() - expected if record[key] is not None
                )
            if len(offsets) == BLOCK_ROWS:
                break
        else:
            is_left = False
        if offsets:
            places = np.array(offsets, dtype=np.int64)
            text = copy_text(rows)
            yield Block(first, len(offsets), text, False, places, len(rows), rejects, skipped)


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case str():
            return value or None
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return msgspec.json.encode(value).decode()
