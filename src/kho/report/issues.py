"""Reports as they were handed over. They are kept in the ledger and never change.

A report is handed over by a position. Handed over again with other figures, it is the next version.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import psycopg

from kho.database import connect
from kho.figures.figures import Scheme, agency, period_days, published
from kho.report.content import Content, Issue, Key, printed_figures
from kho.settings import TIMEZONE, Settings

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class UnknownIssue(LookupError):
    """No report of this version was handed over; the message lists those that were."""


def encode(content: Content) -> bytes:
    """The content as JSON: numbers are numbers, days are ISO."""
    return _ENCODER.encode(content)


def hand_over(settings: Settings, content: Content, position: str) -> Content:
    """Keep this content as reported by this position; gives it with its version.

    Where the newest version says the same figures, nothing is kept and that version is given.
    """
    with connect(settings, "kho_owner") as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext('kho report'))")
        before = newest(connection, content.scope_code, content.first_day, content.last_day)
        if before and before[0] == content.earlier and not content.revisions:
            return _content(connection, before[1])
        issue = Issue(
            before[0].version + 1 if before else 1,
            position,
            datetime.now(ZoneInfo(TIMEZONE)).replace(microsecond=0),
            content.release,
        )
        whole = replace(content, issue=issue)
        (report,) = connection.execute(
            """
            insert into ledger.report
              (scope_agency_code, from_date, to_date, version, release_id, reported_by, reported_at, content)
            values (%s, %s, %s, %s, %s, %s, %s, %s) returning report_id
            """,
            [
                content.scope_code,
                content.first_day,
                content.last_day,
                issue.version,
                issue.release,
                issue.reported_by,
                issue.reported_at,
                encode(whole).decode(),
            ],
        ).fetchone()
        with connection.cursor() as cursor:
            cursor.executemany(
                """
                insert into ledger.report_figure
                  (report_id, agency_code, from_date, to_date, metric, level, detail,
                   unit, value, state, measured_value, numerator, denominator, as_of)
                values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                [
                    [report, *name, figure.unit, figure.value, figure.state, figure.measured_value,
                     figure.numerator, figure.denominator, figure.as_of]
                    for name, (_, figure) in printed_figures(content).items()
                ],
            )  # fmt: skip
        return whole


def issued(settings: Settings, scope: str, period: str, scheme: Scheme, version: int) -> Content:
    """The report as it was handed over. Raises `UnknownIssue`, and what `figures` raises."""
    with published(settings) as release:
        first_day, last_day = period_days(release, period, scheme)
        meant = agency(release, scope, first_day, last_day)
        found = release.connection.execute(
            "select version, report_id from ledger.report"
            " where scope_agency_code = %s and from_date = %s and to_date = %s order by version",
            [meant.agency_code, first_day, last_day],
        ).fetchall()
        known = dict(found)
        if version not in known:
            have = ", ".join(str(each) for each in known) or "none"
            raise UnknownIssue(
                f"no version {version} of this report was handed over; there are: {have}. "
                "`kho report SCOPE PERIOD --reported-by POSITION` hands one over"
            )
        return _content(release.connection, known[version])


def newest(
    connection: psycopg.Connection, scope_code: str, first_day: date, last_day: date
) -> tuple[Issue, int] | None:
    """The newest issue of this scope and period, and its number in `ledger.report`."""
    found = connection.execute(
        "select version, reported_by, reported_at, release_id, report_id from ledger.report"
        " where scope_agency_code = %s and from_date = %s and to_date = %s order by version desc limit 1",
        [scope_code, first_day, last_day],
    ).fetchone()
    return (Issue(*found[:4]), found[4]) if found else None


def reported_figures(connection: psycopg.Connection, report: int) -> dict[Key, Decimal | None]:
    """The values of a report as they were handed over."""
    rows = connection.execute(
        "select agency_code, from_date, to_date, metric, level, detail, value from ledger.report_figure"
        " where report_id = %s",
        [report],
    )
    return {tuple(name): value for *name, value in rows}


def _content(connection: psycopg.Connection, report: int) -> Content:
    (text,) = connection.execute(
        "select content::text from ledger.report where report_id = %s", [report]
    ).fetchone()
    return msgspec.json.decode(text, type=Content)
