"""Locks of ours, which no reader can take, and who holds what a session waits for.

A lock has a name, which is a row of `ledger.lock`: only roles that write the ledger may lock it. No session of ours
waits longer than `LOCK_WAIT`, for these rows as for tables that somebody reads.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import NamedTuple

import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

from kho.database import LOCK_WAIT, connect, the_row
from kho.ledger import readers
from kho.settings import ROLES, Settings

_GLANCE = timedelta(seconds=1)  # most waits are over before anybody looks who is waited for
_SHOWN = 120  # characters of a query

log = logging.getLogger(__name__)


class Blocked(errors.LockNotAvailable):
    """A lock that could not be had in time; the message names who holds it, and what to do."""


class Session(NamedTuple):
    """A session of the server. What the asking role may not know of it is None."""

    pid: int
    usename: str
    application_name: str | None
    xact_start: datetime | None
    query: str | None

    def __str__(self) -> str:
        since = f", in a transaction since {self.xact_start:%Y-%m-%d %H:%M:%S}" if self.xact_start else ""
        query = " ".join((self.query or "").split())[:_SHOWN]
        shown = f": {query}" if query and query != "<insufficient privilege>" else ""
        return f"process {self.pid} of {self.usename} ({self.application_name or 'no name'}){since}{shown}"


def take(connection: psycopg.Connection, name: str, patience: timedelta | None = None) -> None:
    """Keep others from taking the lock of this name until the transaction ends. Raises `Blocked`."""
    with bounded(connection, f"the lock {name!r}", patience):
        connection.execute("insert into ledger.lock (name) values (%s) on conflict do nothing", [name])
        connection.execute("select from ledger.lock where name = %s for update", [name])


def hold(connection: psycopg.Connection, name: str, patience: timedelta = LOCK_WAIT) -> None:
    """Keep others from holding the lock of this name as long as this session lasts. Raises `Blocked`.

    No transaction stays open for it, so it holds back no vacuum. The connection commits by itself.
    """
    deadline = monotonic() + patience.total_seconds()
    (start,) = the_row(
        connection.execute("select backend_start from pg_stat_activity where pid = pg_backend_pid()")
    )
    while not connection.execute(
        """
        insert into ledger.lock as held (name, pid, session_start) values (%s, pg_backend_pid(), %s)
        on conflict (name) do update set pid = excluded.pid, session_start = excluded.session_start
        where not exists (
          select from pg_stat_activity a where a.pid = held.pid and a.backend_start = held.session_start)
        returning true
        """,
        [name, start],
    ).fetchone():
        if monotonic() > deadline:
            holders = connection.cursor(row_factory=class_row(Session)).execute(
                "select a.pid, usename, application_name, xact_start, query"
                " from ledger.lock join pg_stat_activity a using (pid) where name = %s",
                [name],
            )
            raise Blocked(_told(f"the lock {name!r}", holders.fetchall()))
        sleep(0.2)


@contextmanager
def bounded(connection: psycopg.Connection, what: str, patience: timedelta | None = None) -> Iterator[None]:
    """What in here waits for a lock waits this long at most, or as the session has it. Raises `Blocked`."""
    if patience is not None:
        milliseconds = f"{patience.total_seconds() * 1000:.0f}"
        connection.execute("select set_config('lock_timeout', %s, true)", [milliseconds])
    info = connection.info
    pause = min(_GLANCE, (patience or LOCK_WAIT) / 4)

    # Hardly anybody waits that long: what takes as long as several statements is told then.
    def conninfo() -> str:
        return make_conninfo(info.dsn, password=info.password)

    with Watch(conninfo, pid=info.backend_pid, pause=pause) as watch:
        try:
            yield
        except Exception as error:
            cause = getattr(error, "orig", error)  # SQLAlchemy's
            if not isinstance(cause, errors.LockNotAvailable) or isinstance(cause, Blocked):
                raise
            raise Blocked(_told(what, watch.holders)) from None


class Watch:
    """Looks, in a session of its own, who is waited for: by one session, or by all of a name.

    Who was seen last is in `holders`, first those who wait for nobody themselves.
    """

    def __init__(
        self,
        conninfo: Callable[[], str],
        *,
        pid: int | None = None,
        application: str | None = None,
        pause: timedelta = _GLANCE,
    ) -> None:
        self.holders: list[Session] = []
        self._conninfo, self._pid, self._application = conninfo, pid, application
        self._pause = pause.total_seconds()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        if self._is_over.wait(self._pause):
            return
        # Without a session left for it nobody is named.
        with suppress(psycopg.Error), psycopg.connect(self._conninfo(), autocommit=True) as connection:
            while not self._is_over.is_set():
                holders = _holders(connection, self._pid, self._application)
                if holders and {each.pid for each in holders} != {each.pid for each in self.holders}:
                    log.warning("Waiting for a lock. It is held by %s", "; ".join(map(str, holders)))
                self.holders = holders or self.holders
                self._is_over.wait(self._pause)


def waits(settings: Settings) -> list[tuple[Session, list[Session]]]:
    """Sessions of ours that wait for a lock now, each with who holds it."""
    # The one role that may see what all sessions do.
    with connect(settings, "kho_transformer", autocommit=True) as connection:
        waiting = connection.cursor(row_factory=class_row(Session)).execute(
            """
            select pid, usename, application_name, xact_start, query from pg_stat_activity
            where datname = current_database() and usename = any(%s) and wait_event_type = 'Lock' order by xact_start
            """,
            [[*ROLES, *readers.names(connection)]],
        )
        return [(each, _holders(connection, each.pid)) for each in waiting.fetchall()]


def _holders(
    connection: psycopg.Connection, pid: int | None, application: str | None = None
) -> list[Session]:
    return (
        connection.cursor(row_factory=class_row(Session))
        .execute(
            """
            with recursive chain (pid) as (
              select unnest(pg_blocking_pids(pid)) from pg_stat_activity
              where datname = current_database() and (pid = %(pid)s or application_name = %(application)s)
              union
              select unnest(pg_blocking_pids(pid)) from chain
            )
            select a.pid, a.usename, a.application_name, a.xact_start, a.query
            from chain join pg_stat_activity a using (pid)
            order by cardinality(pg_blocking_pids(a.pid)), a.pid
            """,
            {"pid": pid, "application": application},
        )
        .fetchall()
    )


def _told(what: str, holders: list[Session]) -> str:
    return f"{what} was not to be had in time. {remedy(holders)}"


def remedy(holders: list[Session]) -> str:
    """What to do about those who hold a lock, first who waits for nobody; one a line."""
    if not holders:
        return "Who held it is gone now: run it again."
    lines = "\n".join(map(str, holders))
    return f"End who holds it (select pg_terminate_backend(<process>)), then run it again. It is held by\n{lines}"
