"""JSON lines, and the pages of a JSON API (archived as a JSON text sequence, RFC 7464): read record by record."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import suppress
from itertools import accumulate, chain, islice
from typing import Any, BinaryIO

import msgspec

from kho.formats.block import Unreadable
from kho.formats.part import Layout, Part
from kho.formats.records import Record, Records

CHUNK_BYTES = 1 << 18
MAX_LINE_BYTES = 1 << 20
MAX_DEPTH = 20  # of objects within objects that are taken apart
KEY = "@key"  # under which a record of an object has its name
_RECORD_SEPARATOR = b"\x1e"

#: decodes what most lines are: objects without objects within
_FLAT = msgspec.json.Decoder(dict[str, str | int | float | bool | list[Any] | None]).decode


def records(part: Part, layout: Layout, whole: Set[str] = frozenset()) -> Iterator[Records]:
    """The records; objects within them are taken apart (`person.name`) unless their path is in `whole`."""
    if layout.format != "jsonl":
        return _pages(part.stream, layout, whole)
    batches = _lines(part.stream, whole)
    first = list(islice(batches, 2))
    problems = [record for _, found in first for record in found[:2]]
    if len(problems) == 1 and isinstance(problems[0], str):
        raise Unreadable(f"the file is no JSON lines: {problems[0]}")
    return chain(first, batches)


def _record(value: Any, whole: Set[str]) -> Record:
    if not isinstance(value, dict):
        return "not a JSON object"
    return dict(_flat(value, whole)) if any(type(each) is dict for each in value.values()) else value


def _flat(
    record: dict[str, Any], whole: Set[str], above: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        path = above + key
        if isinstance(value, dict) and value and path not in whole and depth < MAX_DEPTH:
            yield from _flat(value, whole, f"{path}.", depth + 1)
        else:
            yield path, value


def _lines(stream: BinaryIO, whole: Set[str]) -> Iterator[Records]:
    """The records of some lines at once."""
    offset, rest, cut = 0, b"", 0
    while chunk := stream.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            sizes = [len(line) + 1 for line in lines]
            sizes[0] += cut
            *offsets, offset = accumulate(sizes, initial=offset)
            yield offsets, _objects(lines, whole)
            cut = 0
        if len(rest) > MAX_LINE_BYTES:  # what is kept of it tells that it is too long
            cut += len(rest) - MAX_LINE_BYTES
            rest = rest[:MAX_LINE_BYTES]
    if rest:
        yield [offset], _objects([rest], whole)


def _objects(lines: list[bytes], whole: Set[str]) -> list[Record]:
    if max(map(len, lines)) < MAX_LINE_BYTES:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return list(map(_FLAT, lines))
    return [_object(line, whole) for line in lines]


def _object(line: bytes, whole: Set[str]) -> Record:
    """The object of a line; None of a blank one, a text says what is wrong with it."""
    if len(line) >= MAX_LINE_BYTES:
        return f"the line is longer than {MAX_LINE_BYTES} bytes"
    if not line.strip():
        return None
    try:
        return _record(_parsed(line.removeprefix(b"\xef\xbb\xbf")), whole)
    except ValueError as error:
        return str(error)


def _parsed(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None


def _pages(stream: BinaryIO, layout: Layout, whole: Set[str]) -> Iterator[Records]:
    """The records of each page, at the offset of their page."""
    for offset, page in _documents(stream, layout.max_bytes):
        try:
            document = _parsed(page.removeprefix(b"\xef\xbb\xbf"))
        except ValueError as error:
            raise Unreadable(
                f"the page at byte {offset} can't be read ({error}): is the file cut off?"
            ) from None
        if found := _list(document, layout.records_path, offset, KEY in whole):
            yield [offset] * len(found), [_record(value, whole) for value in found]


def _list(document: Any, path: str | None, offset: int, may_be_named: bool) -> list[Any]:
    """The records of a document: at the dotted path; without one the document itself, or its `items`.

    An object of objects is a list too, whose records have their names as `@key`; one of none is where the contract asks for
    these.
    """
    if path is None and (isinstance(document, list) or (_is_named(document) and "items" not in document)):
        return _named(document)
    path = path or "items"
    for key in path.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    is_empty = document == {} and may_be_named
    if not isinstance(document, list) and not is_empty and not _is_named(document):
        raise Unreadable(f"the page at byte {offset} has no list '{path}': the contract's recordsPath")
    return _named(document)


def _is_named(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and bool(document)
        and all(type(each) is dict for each in document.values())
    )


def _named(records: list[Any] | dict[str, Any]) -> list[Any]:
    return [{KEY: key, **each} for key, each in records.items()] if isinstance(records, dict) else records


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
