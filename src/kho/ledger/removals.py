"""What was withdrawn long ago and may go: its rows, and its file where nothing else has these bytes."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row


class Withdrawn(NamedTuple):
    """An arrival of which every batch is withdrawn. `is_needed`: the last build, or a release that is kept, was built with it."""

    arrival_id: int
    contract: str
    size_bytes: int
    batches: list[int]
    has_rows: bool
    is_needed: bool


def withdrawn_before(connection: psycopg.Connection, before: datetime) -> list[Withdrawn]:
    """What was withdrawn before this and is still there, oldest first."""
    with connection.cursor(row_factory=class_row(Withdrawn)) as cursor:
        return cursor.execute(
            """
            select a.arrival_id, b.contract, a.size_bytes, array_agg(b.batch_id order by b.batch_id) as batches,
              bool_or(b.rows_loaded + b.rows_rejected > 0) as has_rows,
              bool_or(exists (
                select from ledger.build_batch built
                where built.batch_id = b.batch_id and (built.to_build is null or exists (
                  select from ledger.release r
                  where r.state in ('candidate', 'in_force', 'kept')
                    and r.build_id >= built.from_build and r.build_id < built.to_build)))) as is_needed
            from ledger.arrival a join ledger.batch b using (arrival_id)
            where a.rows_removed_at is null
            group by a.arrival_id, b.contract
            having bool_and(b.state = 'withdrawn')
              and max(coalesce((select max(e.at) from ledger.batch_event e where e.batch_id = b.batch_id), b.loaded_at)) < %s
            order by a.arrival_id
            """,
            [before],
        ).fetchall()


def remove_rows(connection: psycopg.Connection, of: Withdrawn) -> bool:
    """Write down that the rows are gone; False where somebody took a batch of it back meanwhile. In the caller's transaction,
    which nobody's decision outlasts."""
    states = connection.execute(
        "select state from ledger.batch where batch_id = any(%s) for update", [of.batches]
    ).fetchall()
    if any(state != "withdrawn" for (state,) in states):
        return False
    connection.execute(
        "update ledger.arrival set rows_removed_at = now() where arrival_id = %s", [of.arrival_id]
    )
    return True


def files_to_remove(connection: psycopg.Connection) -> list[str]:
    """The names, by their sha256, of files whose rows are gone, which the archive may still have and nothing else needs."""
    found = connection.execute(
        "select distinct sha256 from ledger.arrival where rows_removed_at is not null and file_removed_at is null"
        " and sha256 not in (select sha256 from ledger.arrival where rows_removed_at is null) order by 1"
    )
    return [name for (name,) in found]


def file_removed(connection: psycopg.Connection, sha256: str) -> None:
    """Write down that the archive does not have a file any more."""
    connection.execute(
        "update ledger.arrival set file_removed_at = now() where sha256 = %s and rows_removed_at is not null",
        [sha256],
    )


def came_again(connection: psycopg.Connection, arrival_id: int) -> None:
    """Write down that the archive has a file again that was removed: it goes with the next night."""
    connection.execute(
        "update ledger.arrival set file_removed_at = null where arrival_id = %s and file_removed_at is not null",
        [arrival_id],
    )


def removed_on(connection: psycopg.Connection, batch_id: int) -> date | None:
    """Since when a batch's rows are not there any more; None where they are."""
    found = connection.execute(
        "select rows_removed_at::date from ledger.batch join ledger.arrival using (arrival_id) where batch_id = %s",
        [batch_id],
    ).fetchone()
    return found[0] if found else None
