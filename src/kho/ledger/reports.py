"""Reports in the ledger, as they were handed over: they never change, and neither does what is told of them here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

from kho.database import the_row
from kho.ledger import builds, locks
from kho.ledger.builds import ChangedBatch

#: agency, first day, last day, metric, level, detail: what names a figure of a report
Key = tuple[str, date, date, str, str, str]


@dataclass(frozen=True)
class HandedOver:
    """A row of `ledger.report` without its content."""

    report_id: int
    version: int
    release_id: int
    reported_by: str
    reported_at: datetime


@dataclass(frozen=True)
class ReportFigure:
    """A row of `ledger.report_figure`. Percentages are 0 to 100."""

    agency_code: str
    from_date: date
    to_date: date
    metric: str
    level: str
    detail: str
    unit: str
    value: Decimal | None
    state: str
    measured_value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    as_of: date | None


def lock(connection: psycopg.Connection) -> None:
    """Until the transaction ends nobody else hands a report over."""
    locks.take(connection, "report")


def handed_over(
    connection: psycopg.Connection, scope_code: str, first_day: date, last_day: date
) -> list[HandedOver]:
    """Every version of the report of this scope and period, in their order."""
    with connection.cursor(row_factory=class_row(HandedOver)) as cursor:
        return cursor.execute(
            "select report_id, version, release_id, reported_by, reported_at from ledger.report"
            " where scope_agency_code = %s and from_date = %s and to_date = %s order by version",
            [scope_code, first_day, last_day],
        ).fetchall()


def content(connection: psycopg.Connection, report_id: int) -> str:
    """The whole of a report, as the JSON that it was handed over as."""
    found = connection.execute(
        "select content::text from ledger.report where report_id = %s", [report_id]
    ).fetchone()
    if not found:
        raise LookupError(f"there is no report {report_id}")
    text: str = found[0]
    return text


def values(connection: psycopg.Connection, report_id: int) -> dict[Key, Decimal | None]:
    """The values of a report's figures."""
    rows = connection.execute(
        "select agency_code, from_date, to_date, metric, level, detail, value from ledger.report_figure"
        " where report_id = %s",
        [report_id],
    )
    return {(agency, first, last, *name): value for agency, first, last, *name, value in rows}


def insert(
    connection: psycopg.Connection,
    scope_code: str,
    first_day: date,
    last_day: date,
    *,
    version: int,
    release_id: int,
    reported_by: str,
    reported_at: datetime,
    content: str,
    figures: Iterable[ReportFigure],
) -> None:
    """Keep a report as the next version of its scope and period."""
    ((report_id,),) = connection.execute(
        """
        insert into ledger.report
          (scope_agency_code, from_date, to_date, version, release_id, reported_by, reported_at, content)
        values (%s, %s, %s, %s, %s, %s, %s, %s) returning report_id
        """,
        [scope_code, first_day, last_day, version, release_id, reported_by, reported_at, content],
    ).fetchall()
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into ledger.report_figure
              (report_id, agency_code, from_date, to_date, metric, level, detail,
               unit, value, state, measured_value, numerator, denominator, as_of)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [(report_id, *astuple(figure)) for figure in figures],
        )


def changed_batches(connection: psycopg.Connection, report_id: int, build_id: int) -> list[ChangedBatch]:
    """The batches that this build reads and the build of the report's release doesn't, or the other way round."""
    return builds.changed_batches(connection, _build_of(connection, report_id), build_id)


def has_other_rules(connection: psycopg.Connection, report_id: int, build_id: int) -> bool:
    """Whether this build was made by other models, lists or sources than the build of the report's release."""
    return builds.have_other_models(connection, _build_of(connection, report_id), build_id)


def _build_of(connection: psycopg.Connection, report_id: int) -> int:
    (build_id,) = the_row(
        connection.execute(
            "select build_id from ledger.report join ledger.release using (release_id) where report_id = %s",
            [report_id],
        )
    )
    number: int = build_id
    return number
