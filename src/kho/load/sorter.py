"""Sorts the rows of a delimited file's blocks into those that are surely good, as raw gets them, and all others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Connection
from pyarrow import csv

from kho.contract import Column, Contract
from kho.contract.moments import pattern
from kho.formats import Block
from kho.formats.block import EDGES
from kho.formats.header import Match
from kho.load.bits import Rows, Seen
from kho.load.judge import as_binary, ends, has_codes
from kho.load.moments import Clock, Moments
from kho.load.texts import (
    Ask,
    Asked,
    Texts,
    all_quoted,
    as_flags,
    as_list,
    as_mask,
    binary,
    field_of,
    is_one,
    laid_out,
    numbers,
    quoted,
    scalar,
    steps,
    strings,
    the_same,
)

try:
    # Of a short text it takes half of what OpenSSL takes.
    from _md5 import md5  # type: ignore[import-not-found]
except ImportError:  # Python was built without
    from hashlib import md5

Array = np.ndarray[Any, np.dtype[Any]]

DISTINCT = 0.3  # share of a block's texts; a column that has more is not worth asking about each


class Sorter:
    """`sort` gives a block's good rows. `unknown` counts the values that those have in unknown columns, `emptied` has by header
    those that lose a value."""

    def __init__(
        self,
        connection: Connection,
        contract: Contract,
        header: list[str],
        delimiter: str,
        match: Match,
        batch_id: int,
        secret: str,
        day: date,
    ) -> None:
        self._connection, self._contract, self._day, self._batch_id = connection, contract, day, batch_id
        self._version, self._stored = contract.version_column, contract.stored
        self._delimiter, self._width, self._unknown_places = delimiter, len(header), match.unknown
        self._places = match.positions
        self._labels = {name: header[place].strip() for name, place in match.positions.items()}
        self._seen = Seen()
        self._absent: dict[str, bytes] = {}  # fields of columns that the file lacks
        self._judges: dict[str, Texts | Asked] = {}
        self.can_be_good = True
        self.unknown: Counter[int] = Counter()
        self.emptied: defaultdict[str, Rows] = defaultdict(Rows)
        self._hmac = _hmac(secret)
        moments: list[Column] = []
        for column in contract.columns:
            if column.name not in match.positions:
                self._learn_absent(column)
            elif _is_of_fixed_width(contract, column):
                moments.append(column)
            elif not Texts.can_tell(contract, column) or has_codes(column):
                self._judges[column.name] = self._asked(column)
            elif column.is_stored or column.required or column.format or column.pattern:
                self._judges[column.name] = Texts(contract, column, self._hmac)
        self._moments: list[Moments] = []
        for type_ in ("date", "timestamp"):
            if some := [column for column in moments if column.type == type_]:
                clock = Clock.of(connection, contract.file.time_zone, day) if type_ == "timestamp" else None
                self._moments.append(Moments(contract, some, day, clock))

    def sort(self, block: Block) -> tuple[Array, bytes]:
        """Which rows of a block of CSV are good, and those in COPY's binary format."""
        rows = block.row_count
        table = self._split(block)
        if table is None or not self.can_be_good:
            return np.zeros(rows, bool), b""
        good = np.ones(rows, bool)
        fields: dict[str, list[pa.Array]] = {}
        keys: dict[str, pa.Array] = {}
        version: Array | None = None
        emptied: dict[str, Array] = {}
        for moments in self._moments:
            texts = [laid_out(self._column(table, each)) for each in moments.columns]
            for column, found in zip(moments.columns, moments.judge(texts, good), strict=True):
                width = 8 if column.type == "timestamp" else 4
                fields[column.name] = numbers(found.values, width, found.has_value)
                if column.is_stored and found.is_emptied.any():
                    emptied[column.header] = found.is_emptied
                if column == self._version:
                    version = found.values
                    good &= found.has_value
        for name, judge in list(self._judges.items()):
            texts = self._column(table, judge.column)
            if isinstance(judge, Asked):
                given, keys[name] = judge.judge(texts, good)
                fields[name] = [given]
                if judge.column == self._version:
                    good &= np.diff(laid_out(given)[0]) > len(field_of(None))
                if len(texts.dictionary) > DISTINCT * rows and Texts.can_tell(self._contract, judge.column):
                    self._judges[name] = Texts(self._contract, judge.column, self._hmac)
                continue
            fields[name] = judge.judge(texts, good)
            if judge.column == self._version:
                good &= np.diff(laid_out(texts)[0]) > 0
            if judge.column.key_position is not None:
                is_label = is_one(texts, self._labels[name])
                if is_label is not None:
                    good &= ~is_label
                keys[name] = all_quoted(texts, good)
        for column in self._stored:
            if column.name in self._absent:
                fields[column.name] = [the_same(self._absent[column.name], rows)]
        digests = self._digests([keys[each.name] for each in self._contract.key])
        good &= ~self._seen.add(digests, version, good)
        self._count_unknown(table, good)
        for header, is_emptied in emptied.items():
            self.emptied[header].add(block.first_row, is_emptied & good)
        row_numbers = block.first_row + np.arange(rows)
        given = [self._head(row_numbers, digests)]
        given += [each for column in self._stored for each in fields[column.name]]
        joined = pc.binary_join_element_wise(*given, scalar(b""))
        offsets, data = laid_out(joined if good.all() else joined.filter(as_flags(good)))
        return good, data[offsets[0] : offsets[-1]].tobytes()

    def _split(self, block: Block) -> pa.Table | None:
        names = [f"c{place}" for place in range(self._width)]
        types = {
            f"c{self._places[column.name]}": pa.string()
            for moments in self._moments
            for column in moments.columns
        }
        for name, judge in self._judges.items():
            is_asked = isinstance(judge, Asked)
            types[f"c{self._places[name]}"] = (
                pa.dictionary(pa.int32(), pa.string()) if is_asked else pa.string()
            )
        types |= {f"c{place}": pa.string() for place in self._unknown_places}
        try:
            table = csv.read_csv(
                pa.py_buffer(block.copy),
                csv.ReadOptions(use_threads=False, block_size=len(block.copy) + 1, column_names=names),
                csv.ParseOptions(
                    delimiter=self._delimiter,
                    newlines_in_values=b'"' in block.copy,
                    ignore_empty_lines=False,
                ),
                csv.ConvertOptions(
                    check_utf8=False,  # the block is UTF-8
                    column_types=types,
                    include_columns=list(types),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid:
            return None
        is_one = table.num_rows == block.row_count and all(each.num_chunks == 1 for each in table.columns)
        return table if is_one else None

    def _column(self, table: pa.Table, column: Column) -> pa.Array:
        return table.column(f"c{self._places[column.name]}").chunk(0)

    def _asked(self, column: Column) -> Asked:
        return Asked(column, self._labels.get(column.name), self._ask(column))

    def _ask(self, column: Column) -> Ask:
        statement, until = as_binary(self._contract, column), ends(self._contract, self._day)
        cursor = self._connection.cursor(binary=True)
        return lambda texts: cursor.execute(statement, {"texts": list(texts), **until}).fetchall()

    def _learn_absent(self, column: Column) -> None:
        """An empty cell is what it counts for."""
        ((is_good, value, _),) = self._ask(column)([None])
        self.can_be_good &= is_good and column.key_position is None
        self.can_be_good &= column != self._version
        self._absent[column.name] = field_of(value)

    def _digests(self, parts: list[pa.Array]) -> Array:
        """The rows' keys, as `raw.key_of` makes them."""
        given: list[Any] = [scalar(f"{{{quoted(self._contract.system)}".encode())]
        for part in parts:
            given += [scalar(b","), part]
        texts = as_list(*given, scalar(b"}"))
        return np.frombuffer(b"".join([md5(text).digest() for text in texts]), np.uint8).reshape(-1, 16)

    def _head(self, row_numbers: Array, digests: Array) -> pa.Array:
        """What stands before a row's own fields: their count, and those of the columns that every raw table begins with."""
        head = np.zeros((len(row_numbers), 46), np.uint8)
        head[:, :2] = _bytes(3 + len(self._stored), 2)
        head[:, 5], head[:, 17], head[:, 29] = 8, 8, 16
        head[:, 6:14] = _bytes(self._batch_id, 8)
        head[:, 18:26] = row_numbers.astype(">i8").view(np.uint8).reshape(-1, 8)
        head[:, 30:] = digests
        return binary(steps(*head.shape), head)

    def _count_unknown(self, table: pa.Table, good: Array) -> None:
        nothing = strings([b"", *(each.encode() for each in self._contract.file.null_texts)], pa.string())
        for place in self._unknown_places:
            texts = pc.utf8_trim(table.column(f"c{place}").chunk(0), EDGES)
            self.unknown[place] += int((good & ~as_mask(pc.is_in(texts, nothing))).sum())


def _bytes(number: int, width: int) -> Array:
    return np.frombuffer(number.to_bytes(width, "big"), np.uint8)


def _is_of_fixed_width(contract: Contract, column: Column) -> bool:
    """Whether it is a date or a time that says no offset, and nothing else is asked of its texts."""
    return (
        column.is_moment
        and _has_places(contract, column)
        and not (column.values or column.format or column.pattern)
        and column.key_position is None
        and all(rule.column != column.name for rule in contract.file.skip_rows)
    )


def _has_places(contract: Contract, column: Column) -> bool:
    written = pattern(
        contract.file.timestamp_format if column.type == "timestamp" else contract.file.date_format
    )
    return written.has_places and not written.has_offset


def _hmac(secret: str) -> Callable[[list[bytes]], bytes]:
    """HMAC-SHA-256 of texts by this key, joined; nothing's is never looked at.

    What it does with the key it does once: half of what the library's takes.
    """
    key = secret.encode()
    key = (sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner, outer = (sha256(bytes(byte ^ pad for byte in key)).copy for pad in (0x36, 0x5C))
    of_nothing = bytes(32)

    def of(texts: list[bytes]) -> bytes:
        digests = []
        for text in texts:
            if not text:
                digests.append(of_nothing)
                continue
            inside, outside = inner(), outer()
            inside.update(text)
            outside.update(inside.digest())
            digests.append(outside.digest())
        return b"".join(digests)

    return of
