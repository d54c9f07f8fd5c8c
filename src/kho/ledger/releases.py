"""Releases in the ledger: a numbered schema of marts each, of which at most one is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row

from kho.database import connect, the_row
from kho.ledger import locks
from kho.settings import Settings

State = Literal["candidate", "refused", "in_force", "kept", "dropped"]


class ReleaseError(Exception):
    """A release that can't be opened, published or gone back to; the message says why and what to do."""


class ReleaseWaits(ReleaseError):
    """A release that may be published and is not: a person decides. The message says who kept it, and what to type."""


@dataclass(frozen=True)
class Release:
    """A row of `ledger.release`."""

    release_id: int
    build_id: int
    schema_name: str
    business_date: date
    state: State
    reason: str | None
    created_at: datetime
    published_at: datetime | None


@dataclass(frozen=True)
class Pin:
    """That readers keep a release which somebody went back to, until it is unpinned."""

    release_id: int
    pinned_by: str
    reason: str
    pinned_at: datetime

    def __str__(self) -> str:
        return (
            f"release {self.release_id} is pinned by {self.pinned_by} since {self.pinned_at:%Y-%m-%d %H:%M} "
            f"({self.reason})"
        )


def releases(settings: Settings) -> list[Release]:
    """Every release there was, newest first."""
    with connect(settings, "kho_auditor") as connection:
        return select(connection)


def in_force(settings: Settings) -> Release | None:
    """The release that readers see."""
    with connect(settings, "kho_auditor") as connection:
        return find_in_force(connection)


def marts(connection: psycopg.Connection) -> list[str]:
    """The marts that readers see."""
    found = connection.execute(
        "select relname from pg_class where relnamespace = 'marts'::regnamespace and relkind = 'v' order by 1"
    )
    return [name for (name,) in found]


def contents(settings: Settings, release: Release) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """How fresh each source is in a release, and what its boundary did not pass."""
    with connect(settings, "kho_auditor") as connection:
        sources = connection.execute(
            """
            select contract, state, as_of, expected_as_of, stale_since, reason,
              rows_in_file, rows_loaded, rows_rejected, rows_skipped
            from ledger.build_source where build_id = %s order by contract
            """,
            [release.build_id],
        ).fetchall()
        findings = connection.execute(
            "select subject, expectation, severity, observed, message from ledger.verdict"
            " where build_id = %s and boundary = 'marts' and outcome <> 'passed'"
            " order by outcome = 'skipped', array_position(array['critical', 'warning', 'info'], severity), verdict_id",
            [release.build_id],
        ).fetchall()
        return sources, findings


def select(connection: psycopg.Connection, *states: State) -> list[Release]:
    """The releases in any of these states, or all where none is named, newest first."""
    with connection.cursor(row_factory=class_row(Release)) as cursor:
        return cursor.execute(
            "select * from ledger.release where state = any(%(states)s) or %(states)s = '{}' order by release_id desc",
            {"states": list(states)},
        ).fetchall()


def of_build(connection: psycopg.Connection, build_id: int | None) -> Release | None:
    """The newest release that was made of a build."""
    with connection.cursor(row_factory=class_row(Release)) as cursor:
        return cursor.execute(
            "select * from ledger.release where build_id = %s order by release_id desc limit 1", [build_id]
        ).fetchone()


def find_in_force(connection: psycopg.Connection) -> Release | None:
    found = select(connection, "in_force")
    return found[0] if found else None


def pin(connection: psycopg.Connection) -> Pin | None:
    """The pin that keeps nights from publishing."""
    with connection.cursor(row_factory=class_row(Pin)) as cursor:
        return cursor.execute(
            "select release_id, pinned_by, reason, pinned_at from ledger.release_pin where unpinned_at is null"
        ).fetchone()


def write_pin(connection: psycopg.Connection, release_id: int, *, actor: str, reason: str) -> None:
    """Pin a release, in the place of the one that is."""
    end_pin(connection, actor=actor)
    connection.execute(
        "insert into ledger.release_pin (release_id, pinned_by, reason) values (%s, %s, %s)",
        [release_id, actor, reason],
    )


def end_pin(connection: psycopg.Connection, *, actor: str) -> None:
    connection.execute(
        "update ledger.release_pin set unpinned_by = %s, unpinned_at = now() where unpinned_at is null",
        [actor],
    )


def kept_by(connection: psycopg.Connection, candidate: Release) -> Pin | Release | None:
    """What a candidate waits for a person by: the pin, or else the release in force where that is of a later date."""
    if pinned := pin(connection):
        return pinned
    now = find_in_force(connection)
    return now if now and candidate.business_date < now.business_date else None


def told(candidate: Release, kept: Pin | Release) -> str:
    """Why a candidate is not published, and what publishes it."""
    if isinstance(kept, Pin):
        return (
            f"release {candidate.release_id} waits: {kept}. `kho release unpin` lets newer ones be published"
        )
    return (
        f"release {candidate.release_id} waits: it is of {candidate.business_date}, older than release "
        f"{kept.release_id} in force, of {kept.business_date}. `kho release publish --allow-older` publishes it"
    )


def lock(connection: psycopg.Connection) -> None:
    """Keep others from changing releases until the transaction ends."""
    locks.take(connection, "release")


def insert(connection: psycopg.Connection, build_id: int, business_date: date) -> Release:
    """A new candidate of a build; its schema is named after its number."""
    (number,) = the_row(
        connection.execute(
            "insert into ledger.release (build_id, business_date, schema_name, state)"
            " values (%s, %s, '', 'candidate') returning release_id",
            [build_id, business_date],
        )
    )
    with connection.cursor(row_factory=class_row(Release)) as cursor:
        return the_row(
            cursor.execute(
                "update ledger.release set schema_name = %s where release_id = %s returning *",
                [f"release_{number}", number],
            )
        )


def mark(connection: psycopg.Connection, release_id: int, state: State, reason: str | None = None) -> None:
    """Write the state that a release is in from now on, and why; without a reason the one that it has stays."""
    connection.execute(
        "update ledger.release set state = %s, reason = coalesce(%s, reason) where release_id = %s",
        [state, reason, release_id],
    )


def turn(connection: psycopg.Connection, release_id: int) -> bool:
    """Put a release in force in the place of the one that is; False if it can't be any more."""
    connection.execute("update ledger.release set state = 'kept' where state = 'in_force'")
    changed = connection.execute(
        "update ledger.release set state = 'in_force', published_at = now()"
        " where release_id = %s and state in ('candidate', 'kept')",
        [release_id],
    )
    return changed.rowcount == 1
