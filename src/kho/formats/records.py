"""Rows that name their columns (JSON, XML): records become blocks, by the contract's headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import numpy as np

from kho.contract import Contract, telling
from kho.formats.block import Block, Export, RowReject, composed, copy_text, sound, unsound
from kho.formats.cells import RowTexts, texts

BLOCK_ROWS = 5_000
MAX_UNKNOWN = 200  # different columns that the contract lacks; more are counted together

#: byte offset of a record, and its values by their paths; a text says what is wrong with it, None that it is blank
Record = tuple[int, dict[str, object] | str | None]


def open_export(contract: Contract, records: Iterator[Record]) -> Export:
    header = [column.header for column in contract.columns]
    export = Export(header, lambda: iter(()), seen_columns=set())
    first = list(islice(records, 1))  # read now: a file of another kind must fail as a whole
    row_texts = texts(contract, header)

    def blocks(before: int = 0) -> Iterator[Block]:
        left = chain(first, records)
        number = before
        while some := list(islice(left, BLOCK_ROWS)):
            yield _block(some, number, header, row_texts, export)
            number += len(some)

    export.blocks = blocks
    return export


def _block(some: list[Record], number: int, header: list[str], row_texts: RowTexts, export: Export) -> Block:
    expected, first = set(header), number + 1
    rows: list[tuple[int, list[str | None]]] = []
    rejects: list[RowReject] = []
    skipped: Counter[str] = Counter()
    for number, (_, record) in enumerate(_composed(some), first):
        if record is None:
            skipped["blank row"] += 1
            continue
        if isinstance(record, str):
            rejects.append(RowReject(number, record))
            continue
        unknown = [key for key in record if key not in expected and record[key] is not None]
        if problem := unsound("".join(unknown)):
            rejects.append(RowReject(number, problem))
            continue
        rows.append((number, row_texts([record.get(name) for name in header])))
        export.seen_columns |= record.keys() & expected
        _note_unknown(export, record, unknown, number)
    whole, broken = sound(rows)
    return Block(
        first,
        len(some),
        copy_text(whole),
        is_csv=False,
        offsets=np.array([offset for offset, _ in some], dtype=np.int64),
        copied_count=len(whole),
        rejects=rejects + broken,
        skipped=skipped,
    )


def _note_unknown(export: Export, record: dict[str, object], unknown: list[str], number: int) -> None:
    for key in unknown:
        if key not in export.unknown_places:
            is_too_many = len(export.unknown_places) >= MAX_UNKNOWN
            key, place = ("", "further fields") if is_too_many else (key, _place(record, key, number))
            export.unknown_places[key] = place
        export.unknown_columns[key] += 1


def _place(record: dict[str, object], key: str, number: int) -> str:
    return f"field {list(record).index(key) + 1} of row {number} ({telling.shape(key)})"


def look(records: Iterator[Record], most: int) -> Iterator[list[object]]:
    """The union of the paths of the first `most` records, then their values; wrong and blank ones are left out."""
    some = [record for _, record in _composed(islice(records, most)) if isinstance(record, dict)]
    paths = list(dict.fromkeys(path for record in some for path in record))
    yield list(paths)
    for record in some:
        values = (record.get(path) for path in paths)
        yield [composed(value) if isinstance(value, str) else value for value in values]


def _composed(records: Iterable[Record]) -> Iterator[Record]:
    """The records with the accents of their paths composed, as a contract writes them."""
    for offset, record in records:
        if isinstance(record, dict) and not all(map(str.isascii, record)):
            record = {composed(path): value for path, value in record.items()}
        yield offset, record
