"""Reports as they were handed over. They are kept in the ledger and never change.

A report is handed over by a position. Handed over again with other figures, it is the next version.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
import psycopg

from kho.database import connect
from kho.figures.figures import Scheme, agency, period_days, published
from kho.ledger import reports
from kho.ledger.reports import ReportFigure
from kho.report.content import Content, Issue, printed_figures
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
    with connect(settings, "kho_operator") as connection:
        reports.lock(connection)
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
        reports.insert(
            connection,
            content.scope_code,
            content.first_day,
            content.last_day,
            version=issue.version,
            release_id=issue.release,
            reported_by=issue.reported_by,
            reported_at=issue.reported_at,
            content=encode(whole).decode(),
            figures=[
                ReportFigure(
                    *name, figure.unit, figure.value, figure.state, figure.measured_value,
                    figure.numerator, figure.denominator, figure.as_of,
                )
                for name, (_, figure) in printed_figures(content).items()
            ],
        )  # fmt: skip
        return whole


def issued(settings: Settings, scope: str, period: str, scheme: Scheme, version: int) -> Content:
    """The report as it was handed over. Raises `UnknownIssue`, and what `figures` raises."""
    with published(settings) as release:
        first_day, last_day = period_days(release, period, scheme)
        meant = agency(release, scope, first_day, last_day)
        found = reports.handed_over(release.connection, meant.agency_code, first_day, last_day)
        known = {each.version: each.report_id for each in found}
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
    """The newest issue of this scope and period, and its number in the ledger."""
    found = reports.handed_over(connection, scope_code, first_day, last_day)
    if not found:
        return None
    last = found[-1]
    return Issue(last.version, last.reported_by, last.reported_at, last.release_id), last.report_id


def _content(connection: psycopg.Connection, report_id: int) -> Content:
    return msgspec.json.decode(reports.content(connection, report_id), type=Content)
