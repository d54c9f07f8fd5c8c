"""Statutory forms in the ledger, as they were handed in: they never change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

from kho.ledger import locks


@dataclass(frozen=True)
class HandedIn:
    """A row of `ledger.form`; `content` is the JSON that it was handed in as."""

    version: int
    release_id: int
    reported_by: str
    reported_at: datetime
    content: str


def lock(connection: psycopg.Connection) -> None:
    """Until the transaction ends nobody else hands a form in."""
    locks.take(connection, "form")


def handed_in(
    connection: psycopg.Connection, form: str, scope_code: str, first_day: date, last_day: date
) -> list[HandedIn]:
    """Every version of this form of this scope and period, in their order."""
    with connection.cursor(row_factory=class_row(HandedIn)) as cursor:
        return cursor.execute(
            "select version, release_id, reported_by, reported_at, content::text as content from ledger.form"
            " where form = %s and scope_agency_code = %s and from_date = %s and to_date = %s order by version",
            [form, scope_code, first_day, last_day],
        ).fetchall()


def insert(
    connection: psycopg.Connection,
    form: str,
    scope_code: str,
    first_day: date,
    last_day: date,
    parameter_set: str,
    handed: HandedIn,
) -> None:
    """Keep a form as the next version of its scope and period."""
    connection.execute(
        """
        insert into ledger.form
          (form, scope_agency_code, from_date, to_date, parameter_set, version, release_id, reported_by, reported_at, content)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            form, scope_code, first_day, last_day, parameter_set,
            handed.version, handed.release_id, handed.reported_by, handed.reported_at, handed.content,
        ],
    )  # fmt: skip
