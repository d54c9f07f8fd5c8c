"""JSON lines, and the pages of a JSON API (archived as a JSON text sequence, RFC 7464): read record by record."""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import chain, islice
from typing import Any, BinaryIO

import msgspec

from kho.formats.block import Unreadable
from kho.formats.part import Layout, Part
from kho.formats.records import Record

MAX_LINE_BYTES = 1 << 20
MAX_DEPTH = 20  # of objects within objects that are taken apart
_RECORD_SEPARATOR = b"\x1e"


def records(part: Part, layout: Layout, whole: Set[str] = frozenset()) -> Iterator[Record]:
    """The records; objects within them are taken apart (`person.name`) unless their path is in `whole`."""
    found = _lines(part.stream) if layout.format == "jsonl" else _pages(part.stream, layout)
    if layout.format == "jsonl":
        first = list(islice(found, 2))
        if len(first) == 1 and isinstance(first[0][1], str):
            raise Unreadable(f"the file is no JSON lines: {first[0][1]}")
        found = chain(first, found)
    for offset, record in found:
        if isinstance(record, dict) and any(type(value) is dict for value in record.values()):
            record = dict(_flat(record, whole))
        yield offset, record


def _flat(
    record: dict[str, Any], whole: Set[str], above: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        path = above + key
        if isinstance(value, dict) and value and path not in whole and depth < MAX_DEPTH:
            yield from _flat(value, whole, f"{path}.", depth + 1)
        else:
            yield path, value


def _lines(stream: BinaryIO) -> Iterator[Record]:
    offset = 0
    while line := stream.readline(MAX_LINE_BYTES):
        size = len(line)
        if size == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                size += len(rest)
            yield offset, f"the line is longer than {MAX_LINE_BYTES} bytes"
            offset += size + len(rest)
            continue
        yield offset, _object(line.removeprefix(b"\xef\xbb\xbf")) if line.strip() else None
        offset += size


def _object(text: bytes) -> dict[str, Any] | str:
    try:
        value = _parsed(text)
    except ValueError as error:
        return str(error)
    return value if isinstance(value, dict) else "not a JSON object"


def _parsed(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None


def _pages(stream: BinaryIO, layout: Layout) -> Iterator[Record]:
    """Each record of each page, at the offset of its page."""
    for offset, page in _documents(stream, layout.max_bytes):
        try:
            document = _parsed(page.removeprefix(b"\xef\xbb\xbf"))
        except ValueError as error:
            raise Unreadable(
                f"the page at byte {offset} can't be read ({error}): is the file cut off?"
            ) from None
        for record in _list(document, layout.records_path, offset):
            yield offset, record if isinstance(record, dict) else "not a JSON object"


def _list(document: Any, path: str | None, offset: int) -> list[Any]:
    """The records of a document: at the dotted path; without one the document itself, or its `items`."""
    if path is None and isinstance(document, list):
        return document
    path = path or "items"
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    if not isinstance(document, list):
        raise Unreadable(f"the page at byte {offset} has no list '{path}': the contract's recordsPath")
    return document


def _documents(stream: BinaryIO, cap: int) -> Iterator[tuple[int, bytes]]:
    """Offset and text of each document of a sequence; a file without separators is one document."""
    offset, pending = 0, b""
    while chunk := stream.read(1 << 20):
        *whole, pending = (pending + chunk).split(_RECORD_SEPARATOR)
        for document in whole:
            if document.strip():
                yield offset, document
            offset += len(document) + 1
        if len(pending) > cap:
            raise Unreadable(f"a page is larger than {cap // 1_000_000} MB: its contract's maxFileMegabytes")
    if pending.strip():
        yield offset, pending
