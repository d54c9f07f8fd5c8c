"""Batches: each load of an arrival under one version of its contract, and what was said of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row, dict_row, namedtuple_row
from psycopg.types.json import Jsonb

from kho.contract import Contract
from kho.database import connect, the_row
from kho.ledger import locks
from kho.ledger.deliveries import Arrival
from kho.settings import Settings


@dataclass(frozen=True)
class Batch:
    """What a load left behind. `rows_in_file` is the sum of the other three: the ledger holds it to that."""

    batch_id: int
    name: str
    state: Literal["pending", "unreadable"]
    reason: str | None
    rows_in_file: int
    rows_loaded: int
    rows_rejected: int
    rows_skipped: int

    def __str__(self) -> str:
        """As logs have it: without the file's name, which is somebody else's word."""
        counts = (
            f"{self.rows_in_file} rows, {self.rows_loaded} loaded, {self.rows_rejected} rejected,"
            f" {self.rows_skipped} skipped"
        )
        return f"batch {self.batch_id} is {self.state}: {self.reason or counts}"


# Entering


def lock_arrival(connection: psycopg.Connection, arrival_id: int) -> bool:
    """Keep others from loading the arrival until the transaction ends; gives whether it has a batch already."""
    lock = "select from ledger.arrival where arrival_id = %s for no key update"
    # Hardly anybody holds it: a watch over who does is for those who wait.
    if not connection.execute(f"{lock} skip locked", [arrival_id]).fetchone():
        with locks.bounded(connection, f"arrival {arrival_id}"):
            connection.execute(lock, [arrival_id])
    return bool(
        connection.execute(
            "select 1 from ledger.batch where arrival_id = %s limit 1", [arrival_id]
        ).fetchone()
    )


def next_number(connection: psycopg.Connection) -> int:
    """The number of a batch that is about to be loaded."""
    following = connection.execute("select nextval(pg_get_serial_sequence('ledger.batch', 'batch_id'))")
    return the_row(following)[0]


def enter(
    connection: psycopg.Connection,
    contract: Contract,
    arrival: Arrival,
    batch: Batch,
    profile: dict[str, Any],
) -> None:
    """Write down a batch, its first event and the version of the contract that it was loaded by."""
    connection.execute(
        """
        with known as (
          insert into ledger.contract (contract, version, fingerprint, body)
          values (%(contract)s, %(version)s, %(fingerprint)s, %(body)s) on conflict do nothing
        ), entered as (
          insert into ledger.batch (
            batch_id, arrival_id, delivery_id, contract, contract_version, contract_fingerprint, business_date, state, reason,
            rows_in_file, rows_loaded, rows_rejected, rows_skipped, profile
          ) overriding system value values (
            %(batch_id)s, %(arrival_id)s, %(delivery_id)s, %(contract)s, %(version)s, %(fingerprint)s, %(business_date)s,
            %(state)s, %(reason)s, %(rows_in_file)s, %(rows_loaded)s, %(rows_rejected)s, %(rows_skipped)s, %(profile)s
          )
        )
        insert into ledger.batch_event (batch_id, to_state, actor, reason)
        values (%(batch_id)s, %(state)s, 'load', %(reason)s)
        """,
        {
            **asdict(batch),
            "arrival_id": arrival.arrival_id,
            "delivery_id": arrival.delivery_id,
            "contract": contract.name,
            "version": contract.version,
            "fingerprint": contract.fingerprint,
            "body": contract.body,
            "business_date": arrival.business_date,
            "profile": Jsonb(profile),
        },
    )


def to_replay(
    connection: psycopg.Connection, contract: str, batch_id: int
) -> tuple[Arrival, str, int, bool] | None:
    """The arrival of a batch, the fingerprint of its contract then, the newest batch of its delivery, and whether it was read."""
    row = connection.execute(
        """
        select a.arrival_id, d.delivery_id, d.name, d.business_date, a.sha256, a.control_rows,
          b.contract_fingerprint, (select max(l.batch_id) from ledger.batch l where l.delivery_id = d.delivery_id),
          not exists (select from ledger.batch_event e where e.batch_id = b.batch_id and e.to_state = 'unreadable')
        from ledger.batch b join ledger.arrival a using (arrival_id) join ledger.delivery d on d.delivery_id = a.delivery_id
        where b.batch_id = %s and b.contract = %s
        """,
        [batch_id, contract],
    ).fetchone()
    if row is None:
        return None
    *arrival, fingerprint, newest, was_read = row
    return Arrival(*arrival), fingerprint, newest, was_read


# Judging: what a batch is compared with


@dataclass(frozen=True)
class Judged:
    """A batch that counts or may come to count. `is_waiting`: it is not judged yet."""

    batch_id: int
    business_date: date
    name: str
    is_readable: bool
    is_waiting: bool


def to_judge(connection: psycopg.Connection, contract: str, business_date: date) -> list[Judged]:
    """The batches up to this date that count or may come to count, in their order."""
    with connection.cursor(row_factory=class_row(Judged)) as cursor:
        return cursor.execute(
            """
            select b.batch_id, b.business_date, d.name, b.state <> 'unreadable' as is_readable,
              b.state = 'pending' or b.state = 'unreadable' and not exists (
                select from ledger.verdict v where v.batch_id = b.batch_id) as is_waiting
            from ledger.batch b join ledger.delivery d using (delivery_id)
            where b.contract = %(contract)s and b.business_date <= %(date)s
              and b.state in ('pending', 'unreadable', 'accepted')
            order by b.business_date, b.batch_id
            """,
            {"contract": contract, "date": business_date},
        ).fetchall()


def seen_of(connection: psycopg.Connection, batch_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """By its number, what the load pass saw of each of these batches."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            """
            select batch_id, reason, profile, rows_in_file, rows_loaded, rows_rejected, rows_skipped
            from ledger.batch where batch_id = any(%s)
            """,
            [list(batch_ids)],
        )
        return {row["batch_id"]: row for row in found}


def hours_of_peers(
    connection: psycopg.Connection, contract: Contract, business_date: date
) -> list[dict[str, Any] | None]:
    """The times of day of the newest batch of each other export of the system, if they came lately."""
    found = connection.execute(
        """
        select distinct on (contract) profile -> 'hours' from ledger.batch
        where contract <> %(contract)s and starts_with(contract, %(system)s || '.')
          and business_date between %(date)s - 40 and %(date)s and state in ('pending', 'accepted')
        order by contract, business_date desc, batch_id desc
        """,
        {"contract": contract.name, "system": contract.system, "date": business_date},
    ).fetchall()
    return [hours for (hours,) in found]


def before(connection: psycopg.Connection, contract: str, day: date, most: int) -> list[tuple[int, str]]:
    """Number and file of the batches of earlier days that count or may come to count, newest first."""
    return connection.execute(
        """
        select b.batch_id, d.name from ledger.batch b join ledger.delivery d using (delivery_id)
        where b.contract = %s and b.state in ('accepted', 'pending') and b.business_date < %s
        order by b.business_date desc, b.batch_id desc limit %s
        """,
        [contract, day, most],
    ).fetchall()


def profile_before(connection: psycopg.Connection, contract: str, day: date) -> dict[str, Any] | None:
    """What the load pass saw of the newest batch of earlier days that counts or may come to count."""
    found = connection.execute(
        "select profile from ledger.batch where contract = %s and state in ('accepted', 'pending') and business_date < %s"
        " order by business_date desc, batch_id desc limit 1",
        [contract, day],
    ).fetchone()
    return found[0] if found else None


def accepted(connection: psycopg.Connection, contract: str) -> list[int]:
    """The numbers of the accepted batches of a contract, those that count before others behind them."""
    found = connection.execute(
        "select batch_id from ledger.batch where contract = %s and state = 'accepted' order by business_date, arrival_id",
        [contract],
    )
    return [batch_id for (batch_id,) in found]


def last_profile(connection: psycopg.Connection, contract: str, until: date) -> dict[str, Any] | None:
    """What the load pass saw of the newest accepted batch up to this date."""
    found = connection.execute(
        "select profile from ledger.batch where contract = %s and business_date <= %s and state = 'accepted'"
        " order by business_date desc, batch_id desc limit 1",
        [contract, until],
    ).fetchone()
    return found[0] if found else None


# Telling


def batches(
    settings: Settings, contract: str | None = None, state: str | None = None, *, batch_id: int | None = None
) -> list[tuple[Any, ...]]:
    """Number, contract, file, business date, state, the four counts and the reason of batches, newest first."""
    with connect(settings, "kho_auditor") as connection:
        return connection.execute(
            """
            select b.batch_id, b.contract, d.name, b.business_date, b.state,
              b.rows_in_file, b.rows_loaded, b.rows_rejected, b.rows_skipped, b.reason
            from ledger.batch b join ledger.delivery d using (delivery_id)
            where (%(contract)s::text is null or b.contract = %(contract)s)
              and (%(state)s::text is null or b.state = %(state)s)
              and (%(batch)s::bigint is null or b.batch_id = %(batch)s)
            order by b.batch_id desc
            """,
            {"contract": contract, "state": state, "batch": batch_id},
        ).fetchall()


def contract_of(settings: Settings, batch_id: int) -> str:
    """Name of the contract that a batch was loaded by; raises `LookupError`."""
    with connect(settings, "kho_auditor") as connection:
        found = connection.execute(
            "select contract from ledger.batch where batch_id = %s", [batch_id]
        ).fetchone()
    if not found:
        raise LookupError(f"there is no batch {batch_id}: `kho batch list` shows them")
    return found[0]


def story(settings: Settings, batch_id: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The boundary's verdicts on a batch (failed ones first, the worst of them before the others), and its events from the
    first on."""
    with connect(settings, "kho_auditor") as connection:
        verdicts = connection.execute(
            "select expectation, severity, outcome, observed, message from ledger.verdict where batch_id = %s"
            " order by outcome <> 'failed',"
            " case when outcome = 'failed' then array_position(array['critical', 'warning', 'info'], severity) end, verdict_id",
            [batch_id],
        ).fetchall()
        events = connection.execute(
            "select to_char(at, 'YYYY-MM-DD HH24:MI:SS'), actor, from_state, to_state, reason"
            " from ledger.batch_event where batch_id = %s order by event_id",
            [batch_id],
        ).fetchall()
        return verdicts, events


def last(connection: psycopg.Connection, contract: str, most: int) -> list[tuple[Any, ...]]:
    """Number, file, business date, state, the four counts and the reason of those loaded last, newest first."""
    return connection.execute(
        """
        select b.batch_id, d.name, b.business_date, b.state, b.rows_in_file, b.rows_loaded, b.rows_rejected,
          b.rows_skipped, b.reason
        from ledger.batch b join ledger.delivery d using (delivery_id)
        where b.contract = %s order by b.batch_id desc limit %s
        """,
        [contract, most],
    ).fetchall()


def recent(connection: psycopg.Connection, most: int) -> dict[str, list[Any]]:
    """By contract, business date, state and loaded rows of the batches of its newest dates, the oldest of them first."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        found: list[Any] = cursor.execute(
            """
            select contract, business_date, state, rows_loaded from (
              select *, row_number() over (partition by contract order by business_date desc, batch_id desc) as place
              from ledger.batch where state in ('pending', 'accepted', 'held')
            ) as placed
            where place <= %s order by contract, business_date, batch_id
            """,
            [most],
        ).fetchall()
    by_contract: dict[str, list[Any]] = {}
    for row in found:
        by_contract.setdefault(row.contract, []).append(row)
    return by_contract


def trends(connection: psycopg.Connection, contract: str, recent: int, earlier: int) -> list[tuple[Any, ...]]:
    """Each reason of rejects with rows and percent of the data, in the last batches and in those before them."""
    return connection.execute(
        """
        with placed as (
          select profile, rows_in_file - rows_skipped as data,
            row_number() over (order by business_date desc, batch_id desc) as place
          from ledger.batch where contract = %(contract)s and state in ('pending', 'accepted', 'held')
        ), compared as (
          select place <= %(recent)s as is_recent, * from placed where place <= %(all)s
        ), whole as (
          select sum(data) filter (where is_recent) as recent, sum(data) filter (where not is_recent) as before
          from compared
        ), counted as (
          select reason, coalesce(sum(n::bigint) filter (where is_recent), 0) as recent,
            coalesce(sum(n::bigint) filter (where not is_recent), 0) as before
          from compared, jsonb_each_text(profile -> 'rejects_by_reason') as each (reason, n) group by reason
        )
        select reason, c.recent::bigint, coalesce(round(100.0 * c.recent / nullif(w.recent, 0), 2), 0)::float,
          c.before::bigint, coalesce(round(100.0 * c.before / nullif(w.before, 0), 2), 0)::float
        from counted c cross join whole w order by c.recent desc, c.before desc, reason
        """,
        {"contract": contract, "recent": recent, "all": recent + earlier},
    ).fetchall()


def held(connection: psycopg.Connection, business_date: date) -> list[Any]:
    """Contract, number, business date, state and reason of the newest batches of deliveries that wait for a decision."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(
            """
            select b.contract, b.batch_id, b.business_date, b.state, b.reason
            from ledger.batch b
            where b.state in ('held', 'unreadable') and b.business_date <= %s
              and not exists (select from ledger.batch later where later.delivery_id = b.delivery_id
                              and later.batch_id > b.batch_id)
            order by b.contract, b.business_date, b.batch_id
            """,
            [business_date],
        ).fetchall()


def rejected(connection: psycopg.Connection, build_id: int | None) -> list[Any]:
    """Contract, rejected rows, all rows and number of files, of the batches that a build read first."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(
            """
            select b.contract, sum(b.rows_rejected) as rejected, sum(b.rows_in_file) as all_rows, count(*) as files
            from ledger.batch b join ledger.build_batch i using (batch_id)
            where i.from_build = %s and b.rows_rejected > 0
            group by b.contract order by b.contract
            """,
            [build_id],
        ).fetchall()
