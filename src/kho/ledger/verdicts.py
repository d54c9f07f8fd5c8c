"""What a boundary finds: one verdict per expectation and thing judged, kept in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from operator import attrgetter
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row, namedtuple_row

from kho.ledger import releases
from kho.ledger.releases import Pin, Release

Severity = Literal["critical", "warning", "info"]
Outcome = Literal["passed", "failed", "skipped", "accepted"]  # accepted: failed, and let pass by a person


@dataclass(frozen=True)
class Verdict:
    """A row of `ledger.verdict`. `observed` is what was there, `message` what it means, for a person."""

    boundary: Literal["exports", "marts"]
    business_date: date
    subject: str
    expectation: str
    severity: Severity
    outcome: Outcome
    observed: str | None = None
    message: str | None = None
    batch_id: int | None = None
    build_id: int | None = None

    @property
    def is_critical(self) -> bool:
        return self.outcome == "failed" and self.severity == "critical"


_COLUMNS = tuple(field.name for field in fields(Verdict))


def write(connection: psycopg.Connection, verdicts: Iterable[Verdict]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy ledger.verdict ({', '.join(_COLUMNS)}) from stdin") as copy,
    ):
        for row in map(attrgetter(*_COLUMNS), verdicts):
            copy.write_row(row)


def replace(connection: psycopg.Connection, build_id: int, verdicts: Iterable[Verdict]) -> None:
    """Write the marts boundary's verdicts on a build in the place of those that it has."""
    connection.execute("delete from ledger.verdict where boundary = 'marts' and build_id = %s", [build_id])
    write(connection, verdicts)


def of_build(connection: psycopg.Connection, build_id: int) -> list[Verdict]:
    """What the marts boundary found last in a build's marts."""
    with connection.cursor(row_factory=class_row(Verdict)) as cursor:
        return cursor.execute(
            """
            select boundary, business_date, subject, expectation, severity, outcome, observed, message, batch_id, build_id
            from ledger.verdict where boundary = 'marts' and build_id = %s order by verdict_id
            """,
            [build_id],
        ).fetchall()


def of_exports(connection: psycopg.Connection, business_date: date) -> list[Verdict]:
    """What the exports boundary found in a night, in the order in which it was found."""
    with connection.cursor(row_factory=class_row(Verdict)) as cursor:
        return cursor.execute(
            """
            select boundary, business_date, subject, expectation, severity, outcome, observed, message, batch_id, build_id
            from ledger.verdict where boundary = 'exports' and business_date = %s order by verdict_id
            """,
            [business_date],
        ).fetchall()


def is_let_through(connection: psycopg.Connection, build_id: int) -> bool:
    """Whether the marts boundary has judged a build's marts as they are now, and found nothing critical."""
    found = of_build(connection, build_id)
    return bool(found) and not any(each.is_critical for each in found)


def waiting(connection: psycopg.Connection) -> tuple[Release, Pin | Release] | None:
    """The candidate that the marts boundary let through and that waits for a person, and what it waits by."""
    for candidate in releases.select(connection, "candidate"):
        kept = releases.kept_by(connection, candidate)
        if kept and is_let_through(connection, candidate.build_id):
            return candidate, kept
    return None


def missing_told(connection: psycopg.Connection, business_date: date) -> list[tuple[Any, ...]]:
    """Subject, observed and message of what a night has told already of deliveries that are missing and contracts that can't be used."""
    return connection.execute(
        "select subject, observed, message from ledger.verdict"
        " where boundary = 'exports' and expectation in ('delivered', 'contract_usable') and business_date = %s",
        [business_date],
    ).fetchall()


def warnings(connection: psycopg.Connection, build_id: int | None, business_date: date) -> list[Any]:
    """Subject, expectation, message, build and how many times, of the warnings of a night at both boundaries."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(
            """
            select v.subject, v.expectation, v.message, v.build_id, count(*) as times
            from ledger.verdict v
            where v.outcome = 'failed' and v.severity = 'warning' and (
              v.build_id = %(build)s or v.boundary = 'exports' and v.business_date = %(date)s)
            group by v.subject, v.expectation, v.message, v.build_id order by v.subject, v.expectation
            """,
            {"build": build_id, "date": business_date},
        ).fetchall()


def infos(connection: psycopg.Connection, business_date: date) -> list[Any]:
    """Subject, how many times, and the batches, of what a night told of exports without a warning."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(
            """
            select subject, count(*) as times, array_agg(distinct batch_id order by batch_id) as batches
            from ledger.verdict
            where boundary = 'exports' and business_date = %s and outcome = 'failed' and severity = 'info'
            group by subject order by subject
            """,
            [business_date],
        ).fetchall()
