"""Rows that name their columns (JSON, XML): records become blocks, by the contract's headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice, repeat

import numpy as np

from kho.contract import Contract, telling
from kho.formats.block import BLOCK_ROWS, Block, Export, RowReject, Texts, composed, sound, unsound
from kho.formats.cells import texts

MAX_UNKNOWN = 200  # different columns that the contract lacks; more are counted together

#: a record's values by their paths; a text says what is wrong with it, None that it is blank
Record = dict[str, object] | str | None
#: some records that follow each other, and where each begins: not in pairs, of which there would be as many as rows
Records = tuple[list[int], list[Record]]


def open_export(contract: Contract, batches: Iterator[Records]) -> Export:
    header = [column.header for column in contract.columns]
    export = Export(header, lambda: iter(()), seen_columns=set())
    first = list(islice(batches, 1))  # read now: a file of another kind must fail as a whole
    as_texts = texts(contract, header)

    def blocks(before: int = 0) -> Iterator[Block]:
        for offsets, records in _even(chain(first, batches)):
            yield _block(offsets, records, before, as_texts, export)
            before += len(records)

    export.blocks = blocks
    return export


def _even(batches: Iterable[Records]) -> Iterator[Records]:
    """The same records in batches as large as blocks."""
    offsets: list[int] = []
    records: list[Record] = []
    for some_offsets, some in batches:
        offsets += some_offsets
        records += some
        while len(records) >= BLOCK_ROWS:
            yield offsets[:BLOCK_ROWS], records[:BLOCK_ROWS]
            del offsets[:BLOCK_ROWS], records[:BLOCK_ROWS]
    if records:
        yield offsets, records


def _block(offsets: list[int], records: list[Record], before: int, as_texts: Texts, export: Export) -> Block:
    rows, rejects = dict(enumerate(records, before + 1)), []
    if set(map(type, records)) != {dict}:
        rejects = [RowReject(number, record) for number, record in rows.items() if isinstance(record, str)]
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
    if unknown := _told(rows.values(), paths.difference(export.header)):
        for number, record in list(rows.items()):
            names = [path for path in record if path in unknown and record[path] is not None]
            if problem := unsound("".join(names)):
                rejects.append(RowReject(number, problem))
                del rows[number]
            else:
                _note_unknown(export, record, names, number)
        paths = set().union(*rows.values())
    export.seen_columns |= paths.intersection(export.header)
    copy, broken = sound(
        rows, as_texts([list(map(dict.get, rows.values(), repeat(path))) for path in export.header])
    )
    blank = len(records) - len(rows) - len(rejects)
    return Block(
        before + 1,
        len(records),
        copy,
        is_csv=False,
        offsets=np.array(offsets, dtype=np.int64),
        copied_count=len(rows) - len(broken),
        rejects=sorted(rejects) + broken,
        skipped=Counter({"blank row": blank} if blank else ()),
    )


def _told(records: Iterable[dict[str, object]], paths: set[str]) -> set[str]:
    """Those of the paths that have a value in any of the records."""
    if not paths:
        return paths
    return {path for record in records for path in paths.intersection(record) if record[path] is not None}


def _note_unknown(export: Export, record: dict[str, object], unknown: list[str], number: int) -> None:
    for key in unknown:
        if key not in export.unknown_places:
            is_too_many = len(export.unknown_places) >= MAX_UNKNOWN
            key, place = ("", "further fields") if is_too_many else (key, _place(record, key, number))
            export.unknown_places[key] = place
        export.unknown_columns[key] += 1


def _place(record: dict[str, object], key: str, number: int) -> str:
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
