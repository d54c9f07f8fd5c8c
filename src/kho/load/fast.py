"""The fast way of rows that are surely good: judged and typed here, a block at a time, and copied into raw as they are.

Every other row goes the usual way through landing, where the server alone says what it is and why. This way says of a row
that it is good, or that it does not know: what stands in raw, the rejects and the profile are the same without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier, Literal

from kho.contract import Contract
from kho.formats import Block, Export, open_export
from kho.formats.header import Match
from kho.load import raw, ways
from kho.load.judge import LANDING, Judged, judge, take_back
from kho.load.landing import SOME_REJECTS, Landed, Rejects, count_values, make_landing
from kho.load.signs import sample_step
from kho.load.sorter import Sorter
from kho.time_limit import TimeLimit

Array = np.ndarray[Any, np.dtype[Any]]

GROUP = 8 << 20  # bytes of a file that are sorted before they are copied

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"


def load_rows(
    connection: Connection,
    contract: Contract,
    export: Export,
    match: Match,
    path: Path,
    batch_id: int,
    secret: str,
    day: date,
    until: TimeLimit,
) -> tuple[Landed, Judged, dict[int, int]]:
    """Put the file's rows into raw and the rejects; also how many values each unknown column has, by its position.

    In the end landing holds the rows that the server judged, and of the others the sample that signs are looked for in.
    """
    taken_off = raw.take_indexes_off(connection, contract, ways.size(contract, path))
    sorter = Sorter(connection, contract, export.header, export.delimiter, match, batch_id, secret, day)
    make_landing(connection, len(export.header))
    landed, sample, group = Landed(), _Sample(), _Group(connection, contract, export, batch_id)
    for block in export.blocks():
        until.check()
        landed.keep(block)
        if block.is_csv:
            good, fields = sorter.sort(block)
            group.loaded += int(good.sum())
            group.fields.append(fields)
            records = _Records(block, export.delimiter)
            group.others += records.some(np.flatnonzero(~good))
            sample.add(records, good)
        else:
            group.odd.append(block.copy)
        group.rejects.add(block)
        group.bytes += len(block.copy)
        if group.bytes > GROUP or len(group.rejects.numbers) > SOME_REJECTS:
            group.copy()
    group.copy()
    loaded = group.copied
    unknown = count_values(connection, contract, list(match.unknown))
    unknown = {place: count + sorter.unknown[place] for place, count in unknown.items()}
    again = np.array(sorted(take_back(connection, contract, export.header, batch_id)), np.int64)
    if len(again):
        loaded -= len(again)
        _land_again(connection, contract, path, export, again, until)
    judged = judge(connection, contract, export.header, batch_id, day, taken_off, is_rest=True)
    sample.land(connection, export, landed.row_count, again)
    emptied = {
        header: count + (sorter.emptied[header].count_but(again) if header in sorter.emptied else 0)
        for header, count in judged.emptied.items()
    }
    return landed, replace(judged, loaded=loaded + judged.loaded, emptied=emptied), unknown


class _Records:
    """The records of a block of CSV, with their numbers in front."""

    def __init__(self, block: Block, delimiter: str) -> None:
        self._data, self._delimiter, self.first = block.copy, delimiter.encode(), block.first_row
        cells = np.frombuffer(block.copy, np.uint8)
        ends = np.flatnonzero(cells == 10)
        if b'"' in block.copy:
            quotes = np.flatnonzero(cells == 34)
            ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        assert len(ends) == block.row_count
        self._starts = np.concatenate([[0], ends + 1])

    def some(self, places: Iterable[int]) -> list[bytes]:
        """Those at these places of the block."""
        return [
            b"%d%b%b"
            % (self.first + place, self._delimiter, self._data[self._starts[place] : self._starts[place + 1]])
            for place in places
        ]


class _Group:
    """Some blocks, sorted, on their way to the server."""

    def __init__(self, connection: Connection, contract: Contract, export: Export, batch_id: int) -> None:
        self._connection, self._batch_id, self.copied = connection, batch_id, 0
        names = SQL(", ").join(Identifier(column.name) for column in contract.stored)
        self._into_raw = SQL("copy {} (_batch_id, _row_number, _key, {}) from stdin (format binary)").format(
            raw.table(contract), names
        )
        self._as_csv, self._as_text = _into_landing(export)
        self._begin()

    def _begin(self) -> None:
        self.fields: list[bytes] = []
        self.others: list[bytes] = []
        self.odd: list[bytes] = []
        self.rejects = Rejects(self._batch_id)
        self.loaded = self.bytes = 0

    def copy(self) -> None:
        with self._connection.cursor() as cursor:
            with cursor.copy(self._into_raw) as copy:
                for each in (_HEAD, *self.fields, _END):
                    copy.write(each)
            # What was written may end before its end.
            if cursor.rowcount != self.loaded:
                raise AssertionError(f"{self.loaded} rows were to be copied, {cursor.rowcount} were")
        self.copied += self.loaded
        _copy(self._connection, self._as_csv, self.others)
        _copy(self._connection, self._as_text, self.odd)
        self.rejects.enter(self._connection)
        self._begin()


class _Sample:
    """The good rows among those that signs are looked for in. How many rows there are is known in the end only."""

    def __init__(self) -> None:
        self._step = 1
        self._records: dict[int, bytes] = {}

    def add(self, records: _Records, good: Array) -> None:
        step = sample_step(records.first + len(good) - 1)
        if step > self._step:
            self._step = step
            self._records = {number: each for number, each in self._records.items() if number % step == 0}
        places = np.arange(-records.first % step, len(good), step)
        places = places[good[places]]
        self._records |= zip((records.first + places).tolist(), records.some(places), strict=True)

    def land(self, connection: Connection, export: Export, row_count: int, but: Array) -> None:
        """Those that have not landed yet."""
        step = sample_step(row_count)
        chosen = self._records.keys() - set(but.tolist())
        as_csv, _ = _into_landing(export)
        _copy(connection, as_csv, [self._records[number] for number in sorted(chosen) if number % step == 0])


def _into_landing(export: Export) -> tuple[Composed, Composed]:
    """COPY of rows with their numbers in front, as CSV and as text."""
    columns = SQL(", ").join(Identifier(f"c{position}") for position in range(len(export.header)))
    into = SQL("copy {} (_row_number, {}) from stdin").format(LANDING, columns)
    return SQL("{} (format csv, delimiter {})").format(into, Literal(export.delimiter)), into


def _copy(connection: Connection, into: Composed, rows: list[bytes]) -> None:
    if rows:
        with connection.cursor() as cursor, cursor.copy(into) as copy:
            copy.write(b"".join(rows))


def _land_again(
    connection: Connection,
    contract: Contract,
    path: Path,
    export: Export,
    numbers: Array,
    until: TimeLimit,
) -> None:
    """Land the rows of these numbers, in order, which stand in blocks of CSV."""
    as_csv, _ = _into_landing(export)
    for block in open_export(contract, path).blocks():
        until.check()
        first, last = np.searchsorted(numbers, [block.first_row, block.first_row + block.row_count])
        if first < last:
            records = _Records(block, export.delimiter)
            _copy(connection, as_csv, records.some(numbers[first:last] - block.first_row))
