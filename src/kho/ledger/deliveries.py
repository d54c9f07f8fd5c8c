"""Deliveries: that a source handed over a file, each arrival of its bytes, and what could not be fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, namedtuple_row

from kho.archive import Stored
from kho.database import the_row
from kho.ledger import locks, removals


@dataclass(frozen=True)
class Taken:
    """What was taken last of a delivery, and how its source listed it then."""

    name: str
    business_date: date
    sha256: str
    size_bytes: int
    source_size: int | None
    source_modified_at: datetime | None
    source_tag: str | None
    arrived_at: datetime
    came_to_nothing: bool  # its newest batch is unreadable, held or withdrawn


NOT_LOADED = "not loaded"


@dataclass(frozen=True)
class Delivered:
    """A delivery with the state of its newest batch; `NOT_LOADED` where its newest bytes have none."""

    contract: str
    name: str
    business_date: date
    state: str


@dataclass(frozen=True)
class Arrival:
    """Bytes of a delivery, to be loaded."""

    arrival_id: int
    delivery_id: int
    name: str
    business_date: date
    sha256: str
    control_rows: int | None


def lock(connection: psycopg.Connection, contract: str) -> None:
    """Keep others from fetching the contract as long as this connection lasts: two would race for what is new."""
    locks.hold(connection, f"fetch {contract}")


def taken(connection: psycopg.Connection, contract: str) -> dict[tuple[str, date], Taken]:
    """The latest arrival of every delivery of the contract, by name and business date."""
    with connection.cursor(row_factory=class_row(Taken)) as cursor:
        cursor.execute(
            """
            select distinct on (delivery_id) d.name, d.business_date, a.sha256, a.size_bytes, a.source_size,
              a.source_modified_at, a.source_tag, a.arrived_at,
              coalesce((
                select b.state in ('unreadable', 'held', 'withdrawn') from ledger.batch b
                where b.arrival_id = a.arrival_id order by b.batch_id desc limit 1
              ), false) as came_to_nothing
            from ledger.delivery d join ledger.arrival a using (delivery_id)
            where d.contract = %s order by delivery_id, arrival_id desc
            """,
            [contract],
        )
        return {(each.name, each.business_date): each for each in cursor}


def enter(
    connection: psycopg.Connection,
    contract: str,
    name: str,
    day: date,
    stored: Stored,
    *,
    size: int | None,
    modified: datetime | None,
    tag: str | None,
    control_rows: int | None,
) -> bool:
    """Write a delivery and its arrival down, with how its source lists it; False if its bytes are those that came last."""
    with connection.transaction():
        connection.execute(
            "insert into ledger.delivery (contract, name, business_date) values (%s, %s, %s) on conflict do nothing",
            [contract, name, day],
        )
        (delivery_id,) = the_row(
            connection.execute(
                "select delivery_id from ledger.delivery where contract = %s and name = %s and business_date = %s",
                [contract, name, day],
            )
        )
        last = connection.execute(
            "select arrival_id, sha256 from ledger.arrival where delivery_id = %s order by arrival_id desc limit 1",
            [delivery_id],
        ).fetchone()
        # What rows of who is forgotten were taken out of came again, and goes again.
        is_old = last and connection.execute(
            "update ledger.rewritten set removed_at = null where arrival_id = %s and old_sha256 = %s",
            [last[0], stored.sha256],
        )
        if last and (last[1] == stored.sha256 or (is_old and is_old.rowcount)):
            removals.came_again(connection, last[0])
            # Touched, not changed: remember how it is listed now, to spare the next download.
            connection.execute(
                """
                update ledger.arrival set source_size = %s, source_modified_at = %s, source_tag = %s
                where arrival_id = %s
                """,
                [size, modified, tag, last[0]],
            )
            return False
        connection.execute(
            """
            insert into ledger.arrival
              (delivery_id, sha256, size_bytes, source_modified_at, source_size, source_tag, control_rows)
            values (%s, %s, %s, %s, %s, %s, %s)
            """,
            [delivery_id, stored.sha256, stored.size_bytes, modified, size, tag, control_rows],
        )
        return True


def not_loaded(connection: psycopg.Connection, contract: str) -> list[Arrival]:
    """The contract's arrivals that have no batch yet, oldest first."""
    with connection.cursor(row_factory=class_row(Arrival)) as cursor:
        return cursor.execute(
            """
            select a.arrival_id, d.delivery_id, d.name, d.business_date, a.sha256, a.control_rows
            from ledger.arrival a join ledger.delivery d using (delivery_id)
            where d.contract = %s and not exists (select from ledger.batch b where b.arrival_id = a.arrival_id)
            order by d.business_date, a.arrival_id
            """,
            [contract],
        ).fetchall()


def arrival(connection: psycopg.Connection, arrival_id: int) -> Arrival:
    """The arrival of this number."""
    with connection.cursor(row_factory=class_row(Arrival)) as cursor:
        return the_row(
            cursor.execute(
                "select a.arrival_id, d.delivery_id, d.name, d.business_date, a.sha256, a.control_rows"
                " from ledger.arrival a join ledger.delivery d using (delivery_id) where a.arrival_id = %s",
                [arrival_id],
            )
        )


def newest(connection: psycopg.Connection, contract: str, until: date | None = None) -> Arrival | None:
    """The arrival that came last of the contract's newest business date, up to a day if one is named."""
    with connection.cursor(row_factory=class_row(Arrival)) as cursor:
        return cursor.execute(
            """
            select a.arrival_id, d.delivery_id, d.name, d.business_date, a.sha256, a.control_rows
            from ledger.delivery d join ledger.arrival a using (delivery_id)
            where d.contract = %(contract)s and (%(day)s::date is null or d.business_date <= %(day)s)
            order by d.business_date desc, a.arrival_id desc limit 1
            """,
            {"contract": contract, "day": until},
        ).fetchone()


def last_date(connection: psycopg.Connection, contract: str) -> date | None:
    """The newest business date of the contract's deliveries, whatever became of them."""
    return the_row(
        connection.execute("select max(business_date) from ledger.delivery where contract = %s", [contract])
    )[0]


def since(connection: psycopg.Connection, day: date) -> list[Delivered]:
    """All deliveries of this business date or a later one."""
    with connection.cursor(row_factory=class_row(Delivered)) as cursor:
        return cursor.execute(
            """
            select d.contract, d.name, d.business_date, coalesce(newest.state, %s) as state
            from ledger.delivery d cross join lateral (
              select (select b.state from ledger.batch b where b.arrival_id = a.arrival_id order by b.batch_id desc limit 1)
              from ledger.arrival a where a.delivery_id = d.delivery_id order by a.arrival_id desc limit 1
            ) as newest (state)
            where d.business_date >= %s order by d.contract, d.business_date, d.name
            """,
            [NOT_LOADED, day],
        ).fetchall()


def first_dates(connection: psycopg.Connection) -> dict[str, date]:
    """The oldest business date of each contract's deliveries."""
    return dict(
        connection.execute("select contract, min(business_date) from ledger.delivery group by 1").fetchall()
    )


def last_dates(connection: psycopg.Connection) -> dict[str, date]:
    """The newest business date of each contract's deliveries."""
    return dict(
        connection.execute("select contract, max(business_date) from ledger.delivery group by 1").fetchall()
    )


def note_failure(
    connection: psycopg.Connection, contract: str, business_date: date, name: str | None, reason: str
) -> None:
    """Write down what could not be fetched on a night; without a name: the source as a whole."""
    connection.execute(
        "insert into ledger.fetch_failure (contract, name, business_date, reason) values (%s, %s, %s, %s)",
        [contract, name, business_date, reason],
    )


def never_noted(
    connection: psycopg.Connection, contract: str, names: Iterable[str], reason: str
) -> list[str]:
    """Those of the names that no night has told of with this reason yet."""
    noted = connection.execute(
        "select name from ledger.fetch_failure where contract = %s and reason = %s", [contract, reason]
    ).fetchall()
    return [name for name in names if (name,) not in noted]


def was_noted(connection: psycopg.Connection, contract: str, name: str, reason: str, *, before: date) -> bool:
    """Whether a night before this date told the same of a file, whatever else it told with it."""
    return bool(
        connection.execute(
            "select 1 from ledger.fetch_failure where contract = %s and coalesce(name = %s, true)"
            " and business_date < %s and strpos(reason, %s) > 0 limit 1",
            [contract, name, before, reason],
        ).fetchone()
    )


def failures(connection: psycopg.Connection, contract: str, most: int) -> list[tuple[Any, ...]]:
    """When, of which file (None: the source as a whole) and why a fetch failed, newest first."""
    return connection.execute(
        "select at, name, reason from ledger.fetch_failure where contract = %s order by failure_id desc limit %s",
        [contract, most],
    ).fetchall()


def not_fetched(connection: psycopg.Connection, business_date: date) -> list[Any]:
    """Contract, reason and number of files of what failed on a night and has not come since."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(
            """
            with failed as (
              select distinct on (f.contract, f.name) f.contract, f.reason
              from ledger.fetch_failure f
              where f.business_date = %s and not exists (
                select from ledger.arrival a join ledger.delivery d using (delivery_id)
                where d.contract = f.contract and (f.name is null or d.name = f.name) and a.arrived_at > f.at)
              order by f.contract, f.name, f.at desc
            )
            select contract, reason, count(*) as files from failed group by contract, reason order by contract, reason
            """,
            [business_date],
        ).fetchall()
