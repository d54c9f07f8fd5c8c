"""Connections to the warehouse, one role each."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import psycopg

from kho.settings import TIMEZONE, Role, Settings

Row = TypeVar("Row")

#: no session waits longer for a lock; `kho.ledger.locks` tells who holds it
LOCK_WAIT = timedelta(minutes=10)

# ISO output, day first on input; every session agrees on the zone of wall-clock times.
SESSION = f"-c DateStyle=ISO,DMY -c TimeZone={TIMEZONE} -c lock_timeout={LOCK_WAIT.seconds}s"


def connect(settings: Settings, role: Role, *, autocommit: bool = False) -> psycopg.Connection:
    """A connection as `role`; leaving its `with` block commits and closes it (rolls back on an exception)."""
    return psycopg.connect(
        settings.role_url(role), autocommit=autocommit, options=SESSION, application_name=f"kho {role}"
    )


def the_row(result: psycopg.Cursor[Row]) -> Row:
    """The row of a statement that always gives one."""
    row = result.fetchone()
    assert row is not None
    return row
