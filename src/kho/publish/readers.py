"""Who reads the marts now: publishing waits for them, for a while, and names those who don't end.

It ends readers that outstay their limits itself: what a role's timeouts do, its sessions may switch off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from time import monotonic, sleep

import psycopg
import tenacity
from psycopg import errors
from psycopg.rows import class_row

from kho.database import connect, the_row
from kho.ledger import readers
from kho.ledger.locks import Session
from kho.ledger.releases import ReleaseError
from kho.ledger.roles import LIMITS, Limits
from kho.settings import Settings

#: the name of a session that publishes
PUBLISHER = "kho publish"

log = logging.getLogger(__name__)


def patiently(
    connection: psycopg.Connection, work: Callable[[], None], deadline: float, limits: Limits = LIMITS
) -> None:
    """Do this in one transaction; try again while readers hold a lock, until the deadline."""
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((errors.LockNotAvailable, errors.DeadlockDetected)),
        wait=tenacity.wait_random(0.1, 0.5),  # leaves the queue to readers between two attempts
        stop=tenacity.stop_after_delay(max(0, deadline - monotonic())),
        reraise=True,
    ):
        with attempt:
            end_overdue(connection, limits)
            with connection.transaction():
                work()


def end_overdue(connection: psycopg.Connection, limits: Limits = LIMITS) -> None:
    """End the readers of this database that outstay these limits."""
    ended = connection.cursor(row_factory=class_row(Session)).execute(
        """
        with overdue as materialized (
          select pid, usename, application_name, xact_start, query from pg_stat_activity
          where datname = current_database() and usename = any(%(readers)s)
            and (state like 'idle in transaction%%' and clock_timestamp() - state_change >= %(idle)s
              or state = 'active' and clock_timestamp() - query_start >= %(statement)s
              or clock_timestamp() - xact_start >= %(transaction)s)
        )
        select * from overdue where pg_terminate_backend(pid)
        """,
        {"readers": readers.names(connection), **limits._asdict()},
    )
    for session in ended:
        log.warning("Ended a reader that outstayed its limits: %s", session)


def wait_for_older_snapshots(
    connection: psycopg.Connection,
    schema: str,
    deadline: float,
    there_since: datetime | None = None,
    limits: Limits = LIMITS,
) -> None:
    """Wait until no transaction that may read marts has a snapshot from before this schema's tables.

    `there_since`: when all of them were there, if that is known.
    """
    # A mart is created and filled in one transaction: what sees its pg_class row sees its rows.
    # Transactions that start later see the tables, whatever their xmin: that is as old as the oldest transaction of
    # any database of the server.
    (now,) = the_row(connection.execute("select clock_timestamp()"))
    while True:
        end_overdue(connection, limits)
        older = (
            connection.cursor(row_factory=class_row(Session))
            .execute(
                """
            select pid, usename, application_name, xact_start, query from pg_stat_activity
            where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
              and xact_start < %(start)s and (has_schema_privilege(usesysid, 'marts', 'usage') or has_schema_privilege(usesysid, 'scoped', 'usage'))
              and age(backend_xmin) >= (
                select min(age(xmin)) from pg_class
                where relnamespace = %(schema)s::regnamespace and relkind in ('r', 'p', 'v', 'm'))
            """,
                {"start": there_since or now, "schema": schema},
            )
            .fetchall()
        )
        if not older:
            return
        if monotonic() > deadline:
            raise ReleaseError(
                f"{schema} could not be published: transactions from before it are still open. " + told(older)
            )
        sleep(0.2)


def waited_for(settings: Settings) -> list[Session]:
    """The readers that a release waits for which is being published now."""
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        is_publishing = connection.execute(
            "select from pg_stat_activity where datname = current_database() and application_name = %s",
            [PUBLISHER],
        ).fetchone()
        if is_publishing is None:
            return []
        return [each for each in lock_holders(connection) if each.application_name != PUBLISHER]


def lock_holders(connection: psycopg.Connection) -> list[Session]:
    return (
        connection.cursor(row_factory=class_row(Session))
        .execute(
            """
        select distinct on (a.pid) a.pid, a.usename, a.application_name, a.xact_start, a.query
        from pg_locks l join pg_stat_activity a using (pid) join pg_class c on c.oid = l.relation
        where c.relnamespace in ('marts'::regnamespace, 'scoped'::regnamespace) and a.pid <> pg_backend_pid()
          and a.datname = current_database() -- a clone's tables have the same numbers
        """
        )
        .fetchall()
    )


def told(sessions: list[Session]) -> str:
    if not sessions:
        return "They are gone now: publish again."
    lines = "\n".join(map(str, sessions))
    return f"End them (select pg_terminate_backend(<process>)) and publish again:\n{lines}"


def users_of(connection: psycopg.Connection, schema: str) -> list[str]:
    """Views outside a schema that read its tables."""
    rows = connection.execute(
        """
        select distinct v.oid::regclass::text
        from pg_depend d join pg_class t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass
        join pg_rewrite w on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
        join pg_class v on v.oid = w.ev_class
        where t.relnamespace = %(schema)s::regnamespace and v.relnamespace <> %(schema)s::regnamespace
        """,
        {"schema": schema},
    ).fetchall()
    return [name for (name,) in rows]
