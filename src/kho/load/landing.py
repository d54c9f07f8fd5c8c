"""From an opened export into the temporary landing table, in blocks, with the place of every row kept."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO

import numpy as np
from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal

from kho.contract import Contract
from kho.database import the_row
from kho.formats import Block, Export
from kho.load.judge import LANDING, cell
from kho.time_limit import TimeLimit

SOME_REJECTS = 10_000  # that are held before they are entered
HEAD = 36  # bytes before a row's columns: the server's own, and its number
_OFFSET = np.dtype(np.int64)


@dataclass
class Landed:
    """What reading the file gave."""

    row_count: int = 0
    size: int = 0  # bytes, about, that the rows take in a table
    rejected: int = 0
    hidden: int = 0  # characters that nobody sees, taken out of texts
    skipped: Counter[str] = field(default_factory=Counter)
    last_placed: int = 0  # row
    offsets: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def keep(self, block: Block) -> None:
        self.row_count += block.row_count
        self.size += len(block.copy) + HEAD * block.row_count
        self.rejected += len(block.rejects)
        self.skipped += block.skipped
        self.hidden += block.hidden
        if block.offsets is not None:
            self.offsets.seek((block.first_row - 1) * _OFFSET.itemsize)
            self.offsets.write(block.offsets.astype(_OFFSET).tobytes())
            self.last_placed = block.first_row + block.row_count - 1

    def offset(self, row_numbers: list[int]) -> list[int] | None:
        """Byte offsets of these rows; None where the format has none."""
        self.offsets.flush()
        if not self.offsets.tell():
            return None
        places = np.memmap(self.offsets, dtype=_OFFSET, mode="r")
        return [int(places[number - 1]) for number in row_numbers]


def land(connection: Connection, export: Export, batch_id: int, until: TimeLimit) -> Landed:
    """Copy every block; rows that could not be split go to the rejects at once, masked whole."""
    make_landing(connection, len(export.header))
    as_csv, as_text = _copies(len(export.header), export.delimiter)
    landed = Landed()
    blocks = export.blocks()
    block = next(blocks, None)
    while block is not None:
        # Consecutive whole blocks share one COPY, and the sequence numbers their rows.
        is_csv, rejects = block.is_csv, Rejects(batch_id)
        with connection.cursor() as cursor:
            if landed.row_count:
                cursor.execute(
                    "select setval('pg_temp.landing__row_number_seq', %s, false)", [block.first_row]
                )
            with cursor.copy(as_csv if is_csv else as_text) as copy:
                while block is not None and block.is_csv is is_csv and len(rejects.numbers) < SOME_REJECTS:
                    until.check()
                    copy.write(block.copy)
                    landed.keep(block)
                    rejects.add(block)
                    block = next(blocks, None)
        rejects.enter(connection)
    return landed


@lru_cache(maxsize=100)
def _copies(width: int, delimiter: str) -> tuple[str, str]:
    """COPY of rows as CSV, and as text with their numbers in front."""
    columns = SQL(", ").join(map(Identifier, _names(width)))
    as_csv = SQL("copy {} ({}) from stdin (format csv, delimiter {})").format(
        LANDING, columns, Literal(delimiter)
    )
    as_text = SQL("copy {} (_row_number, {}) from stdin").format(LANDING, columns)
    return as_csv.as_string(), as_text.as_string()


def make_landing(connection: Connection, width: int) -> None:
    """The table, as wide as the file. It is empty, and stays for the session's next file: plans for it stay with it."""
    found = connection.execute(
        "select relnatts - 1, setval(to_regclass('pg_temp.landing__row_number_seq'), 1, false)"
        " from pg_class where oid = to_regclass('pg_temp.landing')"
    ).fetchone()
    if found and found[0] == width:
        return
    columns = ", ".join(f"{name} text" for name in _names(width))
    if found:
        connection.execute("drop table pg_temp.landing")
    connection.execute(
        f"create temporary table landing (_row_number bigserial, {columns}) on commit delete rows"
    )


def _names(width: int) -> list[str]:
    return [f"c{position}" for position in range(width)]


def count_values(connection: Connection, contract: Contract, positions: list[int]) -> dict[int, int]:
    """How many values the landed rows have in the columns at these positions."""
    if not positions:
        return {}
    counts = SQL(", ").join(SQL("count({})").format(cell(contract, position)) for position in positions)
    row = the_row(connection.execute(SQL("select {} from {}").format(counts, LANDING)))
    return dict(zip(positions, row, strict=True))


@dataclass
class Rejects:
    """Some rows that could not be split."""

    batch_id: int
    numbers: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    offsets: list[int | None] = field(default_factory=list)

    def add(self, block: Block) -> None:
        for reject in block.rejects:
            self.numbers.append(reject.row_number)
            self.reasons.append(f"{reject.column}: {reject.reason}")
            place = None if block.offsets is None else int(block.offsets[reject.row_number - block.first_row])
            self.offsets.append(place)

    def enter(self, connection: Connection) -> None:
        if not self.numbers:
            return
        connection.execute(
            """
            insert into reject.rejected_row (batch_id, row_number, reasons, byte_offset)
            select %s, row_number, array[reason], byte_offset
            from unnest(%s::bigint[], %s::text[], %s::bigint[]) as rejected (row_number, reason, byte_offset)
            """,
            [self.batch_id, self.numbers, self.reasons, self.offsets],
        )
