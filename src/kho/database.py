"""Connections to the warehouse, one role each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import psycopg
from psycopg import pq

from kho.actor import actor
from kho.settings import TIMEZONE, Role, Settings

Row = TypeVar("Row")

#: no session waits longer for a lock; `kho.ledger.locks` tells who holds it
LOCK_WAIT = timedelta(minutes=10)

# ISO output, day first on input; every session agrees on the zone of wall-clock times.
SESSION = f"-c DateStyle=ISO,DMY -c TimeZone={TIMEZONE} -c lock_timeout={LOCK_WAIT.seconds}s"


def connect(settings: Settings, role: Role, *, autocommit: bool = False) -> psycopg.Connection:
    """A connection as `role`; leaving its `with` block commits and closes it (rolls back on an exception)."""
    return psycopg.connect(
        settings.role_url(role), autocommit=autocommit, options=session(), application_name=f"kho {role}"
    )


def session() -> str:
    """Options of a session by which the audit trail knows who does what is done in it."""
    told = re.sub(r"([\\\s])", r"\\\1", actor())
    return f"{SESSION} -c kho.actor={told}"


@contextmanager
def settled(connection: psycopg.Connection) -> Iterator[None]:
    """Whatever interrupts the body, within a statement or between two, the transaction around it can be rolled back.

    The driver gives a statement up where it waits for the server; an interruption may come just before it waits.
    """
    try:
        yield
    except BaseException:
        server = connection.pgconn
        if server.transaction_status == pq.TransactionStatus.ACTIVE:
            connection.cancel_safe()
        while server.transaction_status == pq.TransactionStatus.ACTIVE and (result := server.get_result()):
            if result.status == pq.ExecStatus.COPY_IN:
                server.put_copy_end(b"interrupted")
        raise


def the_row(result: psycopg.Cursor[Row]) -> Row:
    """The row of a statement that always gives one."""
    row = result.fetchone()
    assert row is not None
    return row
