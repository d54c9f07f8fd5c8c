"""Rows that name their columns (JSON, XML): records become blocks, by the contract's headers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, repeat
from typing import Any

import numpy as np

from kho.contract import Contract, telling
from kho.formats.block import BLOCK_ROWS, Block, Export, RowReject, Texts, composed, sound, unsound
from kho.formats.cells import texts
from kho.formats.header import fold

_STEPS = re.compile(r"[./]")
MAX_UNKNOWN = 200  # different columns that the contract lacks; more are counted together

#: a record's values by their paths; a text says what is wrong with it, None that it is blank
Record = dict[str, object] | str | None
#: some records that follow each other, and where each begins: not in pairs, of which there would be as many as rows
Records = tuple[list[int], Sequence[Record]]


@dataclass(frozen=True)
class Alike(Sequence[Record]):
    """Records that all have the same paths, column by column: many are not made one by one."""

    paths: Sequence[str]  # as sound as a name of XML
    columns: Sequence[Sequence[object]]

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, some: Any) -> Any:
        if isinstance(some, slice):
            return Alike(self.paths, [column[some] for column in self.columns])
        return {path: column[some] for path, column in zip(self.paths, self.columns, strict=True)}


def open_export(contract: Contract, batches: Iterator[Records]) -> Export:
    header = [column.header for column in contract.columns]
    export = Export(
        header, lambda: iter(()), seen_columns=set(), folded={folded(name): name for name in header}
    )
    first = list(islice(batches, 1))  # read now: a file of another kind must fail as a whole
    as_texts = texts(contract, header)

    def blocks(before: int = 0) -> Iterator[Block]:
        for some in _even(chain(first, batches)):
            block = _block(some, before, as_texts, export)
            yield block
            before += block.row_count

    export.blocks = blocks
    return export


def _even(batches: Iterable[Records]) -> Iterator[list[Records]]:
    """The same records in batches that together are as large as blocks."""
    together: list[Records] = []
    room = BLOCK_ROWS
    for offsets, records in batches:
        while len(records) >= room:
            yield [*together, (offsets[:room], records[:room])]
            offsets, records, together, room = offsets[room:], records[room:], [], BLOCK_ROWS
        if records:
            together.append((offsets, records))
            room -= len(records)
    if together:
        yield together


def _block(batches: Sequence[Records], before: int, as_texts: Texts, export: Export) -> Block:
    offsets, numbers, rejects = [], [], []
    columns: list[list[object]] = [[] for _ in export.header]
    for some_offsets, records in batches:
        first = before + len(offsets) + 1
        if isinstance(records, Alike):
            some_numbers, some = range(first, first + len(records)), _alike(records, first, export)
        else:
            some_numbers, some = _each(records, first, export, rejects)
        offsets += some_offsets
        numbers += some_numbers
        for column, values in zip(columns, some, strict=True):
            column += values
    copy, broken, hidden = sound(numbers, as_texts(columns))
    blank = len(offsets) - len(numbers) - len(rejects)
    return Block(
        before + 1,
        len(offsets),
        copy,
        is_csv=False,
        offsets=np.array(offsets, dtype=np.int64),
        copied_count=len(numbers) - len(broken),
        rejects=sorted(rejects) + broken,
        hidden=hidden,
        skipped=Counter({"blank row": blank} if blank else ()),
    )


def _alike(records: Alike, first: int, export: Export) -> list[Sequence[object]]:
    """The export's columns of records that are alike."""
    paths, none = list(map(composed, records.paths)), [None] * len(records)
    spelled = {path: header for path, header in _respelled(export, paths).items() if header not in paths}
    _note_respelled(export, spelled, spelled, paths, first)
    paths = [spelled.get(path, path) for path in paths]
    column_of = dict(zip(paths, records.columns, strict=True))
    unknown = []
    for position, (path, column) in enumerate(column_of.items()):
        if path not in export.header and (count := len(column) - column.count(None)):
            row = next(row for row, value in enumerate(column) if value is not None)
            unknown.append((row, position, path, count))
    for row, _, path, count in sorted(unknown):  # as it would be if one record came after the other
        _note_unknown(export, path, paths, first + row, count)
    export.seen_columns |= column_of.keys() & set(export.header)
    return [column_of.get(path, none) for path in export.header]


def _each(
    records: Sequence[Record], first: int, export: Export, rejects: list[RowReject]
) -> tuple[list[int], list[list[object]]]:
    """The numbers of those of the records that are rows, and the export's columns of them."""
    rows = dict(enumerate(records, first))
    if set(map(type, records)) != {dict}:
        rejects += [RowReject(number, record) for number, record in rows.items() if isinstance(record, str)]
        rows = {number: record for number, record in rows.items() if isinstance(record, dict)}
    paths = set().union(*rows.values())
    if not all(map(str.isascii, paths)):
        as_written = {path: composed(path) for path in paths}
        if paths != set(as_written.values()):
            rows = {
                number: {as_written[path]: value for path, value in record.items()}
                for number, record in rows.items()
            }
            paths = set(as_written.values())
    if spelled := _respelled(export, paths):
        for number, record in rows.items():
            if theirs := [path for path in record if spelled.get(path, path) not in record]:
                _note_respelled(export, spelled, theirs, record, number)
                rows[number] = {
                    spelled[path] if path in theirs else path: value for path, value in record.items()
                }
        paths = set().union(*rows.values())
    if unknown := _told(rows.values(), paths.difference(export.header)):
        for number, record in list(rows.items()):
            names = [path for path in record if path in unknown and record[path] is not None]
            if problem := unsound("".join(names)):
                rejects.append(RowReject(number, problem))
                del rows[number]
            else:
                for name in names:
                    _note_unknown(export, name, record, number)
        paths = set().union(*rows.values())
    export.seen_columns |= paths.intersection(export.header)
    return list(rows), [list(map(dict.get, rows.values(), repeat(path))) for path in export.header]


def _respelled(export: Export, paths: Iterable[str]) -> dict[str, str]:
    """The paths that only differ from a header by accents, case or spacing, and that header."""
    found = {path: export.folded.get(folded(path)) for path in paths if path not in export.header}
    return {path: header for path, header in found.items() if header is not None}


@lru_cache(maxsize=4096)
def folded(path: str) -> str:
    """Names are folded, and stay within each other as they are."""
    return "/".join(map(fold, _STEPS.split(path)))


def _note_respelled(
    export: Export, spelled: dict[str, str], paths: Iterable[str], record: Iterable[str], number: int
) -> None:
    for path in paths:
        export.respelled_places.setdefault(spelled[path], _place(record, path, number))


def _told(records: Iterable[dict[str, object]], paths: set[str]) -> set[str]:
    """Those of the paths that have a value in any of the records."""
    if not paths:
        return paths
    return {path for record in records for path in paths.intersection(record) if record[path] is not None}


def _note_unknown(export: Export, key: str, record: Iterable[str], number: int, count: int = 1) -> None:
    if key not in export.unknown_places:
        is_too_many = len(export.unknown_places) >= MAX_UNKNOWN
        key, place = ("", "further fields") if is_too_many else (key, _place(record, key, number))
        export.unknown_places[key] = place
    export.unknown_columns[key] += count


def _place(record: Iterable[str], key: str, number: int) -> str:
    return f"field {list(record).index(key) + 1} of row {number} ({_shape(key)})"


_shape = lru_cache(maxsize=MAX_UNKNOWN)(telling.shape)  # each message of a zip has the same fields


def look(batches: Iterator[Records], most: int) -> Iterator[list[object]]:
    """The union of the paths of the first `most` records, then their values; wrong and blank ones are left out."""
    records = islice(chain.from_iterable(records for _, records in batches), most)
    some = [
        {composed(path): value for path, value in record.items()}
        for record in records
        if isinstance(record, dict)
    ]
    paths = list(dict.fromkeys(path for record in some for path in record))
    yield list(paths)
    for record in some:
        values = (record.get(path) for path in paths)
        yield [composed(value) if isinstance(value, str) else value for value in values]
