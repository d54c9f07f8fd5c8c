"""The sources that a report is counted from, as its release has them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from psycopg import sql

from kho.figures.figures import Published, Scope
from kho.report.content import HeldBatch, Source


def system_titles(release: Published) -> dict[str, str]:
    """By contract, what officials call the system that it is of."""
    query = sql.SQL("select contract, system_name from {}")
    return dict(
        release.connection.execute(
            query.format(sql.Identifier(release.schema, "source_freshness"))
        ).fetchall()
    )


def sources_of(
    release: Published, scope: Scope, first_day: date, last_day: date, lacked: Collection[str]
) -> list[Source]:
    """The sources of the systems that the scope operates in the period.

    What is handed over now and then, and was not, is none. `lacked` are the contracts for want of which figures of the
    period are incomplete.
    """
    rows = release.connection.execute(
        sql.SQL(
            """
            select contract, system_name, state,
              contract = any(%(lacked)s), as_of, expected_as_of, rows_in_file, rows_loaded, rows_rejected, rows_skipped
            from {source}
            where contract in (
              select coverage.contract
              from {coverage} as coverage
              join {scope} as member using (agency_code)
              where member.scope_agency_code = %(scope)s
                and (coverage.frequency is not null or coverage.delivered_to is not null)
                and coverage.operated_from <= %(last)s and coalesce(coverage.operated_to, 'infinity') >= %(first)s)
            order by contract
            """
        ).format(
            source=sql.Identifier(release.schema, "source_freshness"),
            coverage=sql.Identifier(release.schema, "figure_coverage"),
            scope=sql.Identifier(release.schema, "figure_scope"),
        ),
        {"scope": scope.agency_code, "first": first_day, "last": last_day, "lacked": list(lacked)},
    ).fetchall()
    held: dict[str, list[HeldBatch]] = {}
    for contract, *batch in release.connection.execute(
        sql.SQL(
            "select contract, batch_id, business_date from {} where is_held order by contract, batch_id"
        ).format(sql.Identifier(release.schema, "figure_batch"))
    ):
        held.setdefault(contract, []).append(HeldBatch(*batch))
    return [Source(*row, held.get(row[0], [])) for row in rows]
