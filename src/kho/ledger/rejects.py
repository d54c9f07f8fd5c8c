"""Rejected rows: how many, why, and where they stand in their files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.sql import SQL

from kho.database import connect, the_row
from kho.settings import Settings


def counts(settings: Settings, contract: str | None = None) -> list[tuple[Any, ...]]:
    """Batch, contract, file, state, reason and number of rows by reason, newest batch first; withdrawn ones left out."""
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(
            """
            select b.batch_id, b.contract, d.name, b.state, each.reason, count(*)
            from reject.rejected_row r join ledger.batch b using (batch_id) join ledger.delivery d using (delivery_id),
              unnest(r.reasons) as each (reason)
            where b.state in ('pending', 'accepted', 'held') and (%(contract)s::text is null or b.contract = %(contract)s)
            group by b.batch_id, b.contract, d.name, b.state, each.reason
            order by b.batch_id desc, count(*) desc, each.reason
            """,
            {"contract": contract},
        ).fetchall()


def rows(settings: Settings, batch_id: int, limit: int | None = None) -> list[tuple[Any, ...]]:
    """File, row, byte offset in the archived file, reasons and masked text of a batch's rejects, in the file's order.

    Raises `LookupError` when there is no such batch.
    """
    with connect(settings, "kho_auditor") as connection:
        if not connection.execute("select 1 from ledger.batch where batch_id = %s", [batch_id]).fetchone():
            raise LookupError(f"there is no batch {batch_id}: `kho batch list` shows them")
        return connection.execute(
            """
            select d.name, r.row_number, r.byte_offset, array_to_string(r.reasons, '; '), coalesce(r.row_text, '•••')
            from reject.rejected_row r join ledger.batch using (batch_id) join ledger.delivery d using (delivery_id)
            where r.batch_id = %s order by r.row_number limit %s
            """,
            [batch_id, limit],
        ).fetchall()


#: of a batch: nobody has to decide on it any more
_IS_DECIDED = SQL("state in ('accepted', 'withdrawn')")


def texts_before(settings: Settings, before: datetime) -> tuple[int, int]:
    """How many rejects have a text, of batches that were loaded before this: that were decided on, and that somebody still has to."""
    with connect(settings, "kho_auditor") as connection:
        (count, undecided) = the_row(
            connection.execute(
                SQL(
                    "select count(*) filter (where {0}), count(*) filter (where not {0})"
                    " from reject.rejected_row join ledger.batch using (batch_id)"
                    " where row_text is not null and loaded_at < %s"
                ).format(_IS_DECIDED),
                [before],
            )
        )
    return int(count), int(undecided)


def empty_texts(settings: Settings, before: datetime) -> int:
    """Take away these texts; gives how many. Row, place in the file and reasons stay."""
    with connect(settings, "kho_loader") as connection:
        return connection.execute(
            SQL(
                "update reject.rejected_row set row_text = null where row_text is not null"
                " and batch_id in (select batch_id from ledger.batch where loaded_at < %s and {})"
            ).format(_IS_DECIDED),
            [before],
        ).rowcount
