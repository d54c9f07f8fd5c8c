"""Dossiers that were told late or overdue at the end of a month, and that were on time by what is told now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from psycopg import sql
from psycopg.rows import class_row

from kho.figures.figures import Published


@dataclass(frozen=True)
class VerdictChange:
    """One dossier and month. `told_verdict` is what it was by what had been told until `told_date`.

    `ended_date_before` is its end as it was told before, None if it was pending; `requested_date` the day of a request for a
    supplement that was told later. `file` and `row_number` are the version that told of the end or of the request.
    """

    dossier_code: str
    agency_code: str
    agency_name: str
    told_date: date
    told_verdict: Literal["late", "overdue"]
    ended_date_before: date | None
    changed_date: date
    ended_date: date | None
    requested_date: date | None
    verdict: Literal["early", "on_time", "within_deadline"]
    due_date: date
    is_end_back_dated: bool
    is_end_on_due_date: bool
    is_request_back_dated: bool
    file: str | None
    row_number: int | None


def verdict_changes(
    release: Published, scope_code: str, scheme: str, first_day: date, last_day: date
) -> list[VerdictChange]:
    """Those of the scope's agencies whose month of this scheme ends in the period."""
    query = sql.SQL(
        """
        select change.dossier_code, change.agency_code, coalesce(member.agency_name, change.agency_code) as agency_name,
          change.told_date, change.told_verdict, change.ended_date_before, change.changed_date, change.ended_date,
          change.requested_date, change.verdict, change.due_date, change.is_end_back_dated, change.is_end_on_due_date,
          change.is_request_back_dated, batch.file_name as file, change.row_number
        from {change} as change
        join lateral (
          select agency_name from {scope}
          where scope_agency_code = %(scope)s and agency_code = change.agency_code
            and valid_from <= %(last)s and coalesce(valid_to, 'infinity') >= %(first)s
          order by valid_from desc limit 1
        ) as member on true
        left join {batch} as batch using (batch_id)
        where change.scheme = %(scheme)s and change.told_date between %(first)s and %(last)s
        order by change.told_date, change.agency_code, change.dossier_code
        """
    ).format(
        change=sql.Identifier(release.schema, "dossier_verdict_change"),
        scope=sql.Identifier(release.schema, "figure_scope"),
        batch=sql.Identifier(release.schema, "figure_batch"),
    )
    given = {"scope": scope_code, "scheme": scheme, "first": first_day, "last": last_day}
    with release.connection.cursor(row_factory=class_row(VerdictChange)) as cursor:
        return cursor.execute(query, given).fetchall()
