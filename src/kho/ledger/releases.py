"""Releases in the ledger: a numbered schema of marts each, of which at most one is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from kho.database import connect
from kho.settings import Settings


class ReleaseError(Exception):
    """A release that can't be opened, published or gone back to; the message says why and what to do."""


@dataclass(frozen=True)
class Release:
    """A row of `ledger.release`."""

    release_id: int
    build_id: int
    schema_name: str
    business_date: date
    state: str
    reason: str | None
    created_at: datetime
    published_at: datetime | None


def releases(settings: Settings) -> list[Release]:
    """Every release there was, newest first."""
    with connect(settings, "kho_auditor") as connection:
        return select(connection, "true order by release_id desc")


def in_force(settings: Settings) -> Release | None:
    """The release that readers see."""
    with connect(settings, "kho_auditor") as connection:
        return find_in_force(connection)


def contents(settings: Settings, release: Release) -> tuple[list[tuple], list[tuple]]:
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
            " where build_id = %s and boundary = 'marts' and outcome <> 'passed' order by verdict_id",
            [release.build_id],
        ).fetchall()
        return sources, findings


def select(connection: psycopg.Connection, condition: str) -> list[Release]:
    with connection.cursor(row_factory=class_row(Release)) as cursor:
        query = sql.SQL("select * from ledger.release where {}").format(sql.SQL(condition))
        return cursor.execute(query).fetchall()


def one(connection: psycopg.Connection, release_id: int) -> Release:
    with connection.cursor(row_factory=class_row(Release)) as cursor:
        return cursor.execute("select * from ledger.release where release_id = %s", [release_id]).fetchone()


def find_in_force(connection: psycopg.Connection) -> Release | None:
    found = select(connection, "state = 'in_force'")
    return found[0] if found else None


def lock(connection: psycopg.Connection) -> None:
    connection.execute("select pg_advisory_xact_lock(hashtext('kho release'))")
