"""Who reads the marts now: publishing waits for them, for a while, and names those who don't end."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import psycopg
import tenacity
from psycopg import errors

from kho.database import the_row
from kho.ledger.releases import ReleaseError


def patiently(connection: psycopg.Connection, work: Callable[[], None], deadline: float) -> None:
    """Do this in one transaction; try again while readers hold a lock, until the deadline."""
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((errors.LockNotAvailable, errors.DeadlockDetected)),
        wait=tenacity.wait_random(0.1, 0.5),  # leaves the queue to readers between two attempts
        stop=tenacity.stop_after_delay(max(0, deadline - monotonic())),
        reraise=True,
    ):
        with attempt, connection.transaction():
            work()


def wait_for_older_snapshots(connection: psycopg.Connection, schema: str, deadline: float) -> None:
    """Wait until no transaction that may read marts has a snapshot from before this schema's tables."""
    # A mart is created and filled in one transaction: what sees its pg_class row sees its rows.
    # Transactions that start from now on see the tables, whatever their xmin.
    (start,) = the_row(connection.execute("select clock_timestamp()"))
    while True:
        older = connection.execute(
            """
            select pid, usename, application_name, xact_start, query from pg_stat_activity
            where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
              and xact_start < %(start)s and has_schema_privilege(usesysid, 'marts', 'usage')
              and age(backend_xmin) >= (
                select min(age(xmin)) from pg_class
                where relnamespace = %(schema)s::regnamespace and relkind in ('r', 'p', 'v', 'm'))
            """,
            {"start": start, "schema": schema},
        ).fetchall()
        if not older:
            return
        if monotonic() > deadline:
            raise ReleaseError(
                f"{schema} could not be published: transactions from before it are still open. " + told(older)
            )
        sleep(0.2)


def lock_holders(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        """
        select distinct on (a.pid) a.pid, a.usename, a.application_name, a.xact_start, a.query
        from pg_locks l join pg_stat_activity a using (pid) join pg_class c on c.oid = l.relation
        where c.relnamespace = 'marts'::regnamespace and a.pid <> pg_backend_pid()
          and a.datname = current_database() -- a clone's tables have the same numbers
        """
    ).fetchall()


def told(sessions: list[tuple[Any, ...]]) -> str:
    if not sessions:
        return "They are gone now: publish again."
    lines = [
        f"process {pid} of {user} ({application or 'no name'}), in a transaction since {since:%Y-%m-%d %H:%M:%S}:"
        f" {' '.join(query.split())[:120]}"
        for pid, user, application, since, query in sessions
    ]
    return "End them (select pg_terminate_backend(<process>)) and publish again:\n" + "\n".join(lines)


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
