"""From an opened export into the temporary landing table, in blocks, with the place of every row kept."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import IO

import numpy as np
from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal

from kho.formats import Block, Export, RowReject
from kho.load.judge import LANDING


@dataclass
class Landed:
    """What reading the file gave."""

    row_count: int = 0
    rejected: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    offsets: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def keep(self, block: Block) -> None:
        self.row_count += block.row_count
        self.rejected += len(block.rejects)
        self.skipped += block.skipped
        if block.offsets is not None:
            self.offsets.write(block.offsets.tobytes())

    def offset(self, row_numbers: list[int]) -> list[int] | None:
        """Byte offsets of these rows; None where the format has none."""
        self.offsets.flush()
        if not self.offsets.tell():
            return None
        places = np.memmap(self.offsets, dtype=np.int64, mode="r")
        return [int(places[number - 1]) for number in row_numbers]


def land(connection: Connection, export: Export, batch_id: int) -> Landed:
    """Copy every block; rows that could not be split go to the rejects at once, masked whole."""
    width = len(export.header)
    columns = SQL(", ").join(Identifier(f"c{position}") for position in range(width))
    connection.execute(
        SQL("create temporary table landing (_row_number bigserial, {}) on commit drop").format(
            SQL(", ").join(SQL("{} text").format(Identifier(f"c{position}")) for position in range(width))
        )
    )
    as_csv = SQL("copy {} ({}) from stdin (format csv, delimiter {})").format(
        LANDING, columns, Literal(export.delimiter)
    )
    as_text = SQL("copy {} (_row_number, {}) from stdin").format(LANDING, columns)
    landed = Landed()
    # Consecutive whole blocks share one COPY, and the sequence numbers their rows.
    for is_csv, blocks in groupby(export.blocks(), key=lambda block: block.is_csv):
        rejects: list[RowReject] = []
        with connection.cursor() as cursor:
            first = next(blocks)
            cursor.execute("select setval('pg_temp.landing__row_number_seq', %s, false)", [first.first_row])
            with cursor.copy(as_csv if is_csv else as_text) as copy:
                for block in chain([first], blocks):
                    copy.write(block.copy)
                    landed.keep(block)
                    rejects += block.rejects
        _reject(connection, rejects, batch_id)
    return landed


def _reject(connection: Connection, rejects: list[RowReject], batch_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into reject.rejected_row (batch_id, row_number, reasons) values (%s, %s, %s)",
            [(batch_id, reject.row_number, [f"row: {reject.reason}"]) for reject in rejects],
        )
