"""The audit trail: what people and nights did, by whom, each entry signed together with the one before it.

What the ledger's tables tell of is written down by triggers (migration 0017), so no way of doing it goes without; what leaves
no row there, by `write`. Entries can only be added. Whoever could change the tables themselves, the server's administrator,
can't do so unnoticed as long as one later mark is kept elsewhere: digests and backups have it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from kho.database import connect
from kho.settings import Settings

_SEPARATOR = "\x1f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 10_000
#: of a sign, in a mark that people keep
_SHOWN = 16


class Event(NamedTuple):
    """An entry. `actor` is an account of the machine or of Airflow, `login` the role of the server it was done with."""

    event_id: int
    at: datetime
    actor: str
    login: str
    action: str
    subject: str
    reason: str
    sign: str

    def expected_sign(self, before: str) -> str:
        """sha256 of the sign before it and of what it says."""
        microseconds = (self.at - _EPOCH) // (datetime.resolution)
        told = (
            before,
            self.event_id,
            microseconds,
            self.actor,
            self.login,
            self.action,
            self.subject,
            self.reason,
        )
        return hashlib.sha256(_SEPARATOR.join(map(str, told)).encode()).hexdigest()

    @property
    def mark(self) -> str:
        """Number and sign, for somebody to keep: nothing up to this entry can be changed unnoticed any more."""
        return f"{self.event_id}:{self.sign[:_SHOWN]}"


class Broken(Exception):
    """The trail is not as it was written; the message says from which entry on."""


def write(settings: Settings, action: str, subject: str, reason: str = "", *, actor: str = "") -> None:
    """Write down what leaves no row in the ledger's tables; without an actor it is this process's account."""
    with connect(settings, "kho_operator") as connection:
        connection.execute(
            "select ledger.write_audit_event(%s, %s, %s, %s)", [actor, action, subject, reason]
        )


def last(connection: psycopg.Connection) -> Event | None:
    """The newest entry."""
    return next(iter(newest(connection, 1)), None)


def newest(connection: psycopg.Connection, many: int) -> list[Event]:
    """The newest entries, newest first."""
    with connection.cursor(row_factory=class_row(Event)) as cursor:
        return cursor.execute(
            "select event_id, at, actor, login, action, subject, reason, sign from ledger.audit_event"
            " order by event_id desc limit %s",
            [many],
        ).fetchall()


def verify(connection: psycopg.Connection, mark: str = "") -> int:
    """Go through all entries, and compare with a mark that was kept; gives how many there are. Raises `Broken`."""
    number, _, sign = mark.partition(":")
    if mark and not (number.isdecimal() and sign):
        raise ValueError(
            f"{mark} is no mark: it is a number, a colon and {_SHOWN} letters and digits, as digests have it"
        )
    before, count = "", 0
    for event in _all(connection):
        count += 1
        if event.event_id != count:
            raise Broken(f"entry {count} is gone: the one after entry {count - 1} is {event.event_id}")
        if event.sign != event.expected_sign(before):
            raise Broken(
                f"entry {count}, of {event.at:%Y-%m-%d %H:%M}, or one before it, is not as it was written"
            )
        if mark and count == int(number) and not event.sign.startswith(sign):
            raise Broken(f"entry {count}, or one before it, is not the one that the mark was taken of")
        before = event.sign
    if mark and count < int(number):
        raise Broken(f"entries {count + 1} to {number} are gone, which the mark was taken of")
    return count


def _all(connection: psycopg.Connection) -> Iterator[Event]:
    with connection.cursor("audit", row_factory=class_row(Event)) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(
            "select event_id, at, actor, login, action, subject, reason, sign from ledger.audit_event order by event_id"
        )
        yield from cursor
