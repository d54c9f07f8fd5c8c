"""Dossiers that were promised for a later day than the longest time of their procedure allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psycopg import sql
from psycopg.rows import class_row

from kho.figures.figures import Published


@dataclass(frozen=True)
class LatePromise:
    """One dossier: what was promised first, and the last day that `takes` allows from its reception on.

    `is_provisional`: days off until then are only expected.
    """

    dossier_code: str
    agency_code: str
    agency_name: str
    procedure_code: str
    takes: str
    received_date: date
    promised_date: date
    latest_date: date
    working_days_beyond: int
    is_provisional: bool


def late_promises(release: Published, scope_code: str, first_day: date, last_day: date) -> list[LatePromise]:
    """Those that agencies of the scope received in the period."""
    query = sql.SQL(
        """
        select promise.dossier_code, promise.agency_code, member.agency_name, promise.procedure_code, promise.takes,
          promise.received_date, promise.promised_date, promise.latest_date, promise.working_days_beyond,
          promise.is_provisional
        from {promise} as promise
        join {scope} as member
          on member.scope_agency_code = %(scope)s and member.agency_code = promise.agency_code
          and promise.received_date between member.valid_from and coalesce(member.valid_to, 'infinity')
        where promise.received_date between %(first)s and %(last)s
        order by promise.working_days_beyond desc, promise.agency_code, promise.dossier_code
        """
    ).format(
        promise=sql.Identifier(release.schema, "late_promise"),
        scope=sql.Identifier(release.schema, "figure_scope"),
    )
    given = {"scope": scope_code, "first": first_day, "last": last_day}
    with release.connection.cursor(row_factory=class_row(LatePromise)) as cursor:
        return cursor.execute(query, given).fetchall()
