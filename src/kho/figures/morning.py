"""The morning list: the dossiers of an agency and those below it that somebody has to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from psycopg import sql
from psycopg.rows import class_row

from kho.figures.figures import Published

Reason = Literal["overdue", "due_soon", "waiting", "not_fetched"]
REASONS: tuple[Reason, ...] = ("overdue", "due_soon", "waiting", "not_fetched")


@dataclass(frozen=True)
class Dossier:
    """A row of the mart `morning_list`, with the names of its agency and field."""

    agency_code: str
    agency_name: str
    reason: Reason
    dossier_code: str
    field_title: str
    received_date: date
    due_date: date | None
    since_date: date
    working_days: int | None
    as_of: date


def morning_list(release: Published, scope_code: str) -> list[Dossier]:
    """The scope's dossiers by agency, reason and how long; agencies as they are on the release's day."""
    query = sql.SQL(
        """
        select listed.agency_code, member.agency_name, listed.reason, listed.dossier_code,
          coalesce(detail.title, listed.field, '') as field_title, listed.received_date, listed.due_date, listed.since_date,
          listed.working_days, listed.as_of
        from {listed} as listed
        join lateral (
          select agency_name from {scope}
          where scope_agency_code = %(scope)s and agency_code = listed.agency_code
          order by valid_from desc limit 1
        ) as member on true
        left join {detail} as detail on detail.detail = listed.field
        order by listed.agency_code, array_position(%(reasons)s, listed.reason),
          case listed.reason when 'due_soon' then listed.working_days else -listed.working_days end, listed.dossier_code
        """
    ).format(
        listed=sql.Identifier(release.schema, "morning_list"),
        scope=sql.Identifier(release.schema, "figure_scope"),
        detail=sql.Identifier(release.schema, "figure_detail"),
    )
    with release.connection.cursor(row_factory=class_row(Dossier)) as cursor:
        return cursor.execute(query, {"scope": scope_code, "reasons": list(REASONS)}).fetchall()


@dataclass(frozen=True)
class Count:
    """How many dossiers of an agency stand on the list for each of `REASONS`."""

    agency_code: str
    agency_name: str
    counts: tuple[int, ...]


def counts(release: Published) -> list[Count]:
    """Every agency with dossiers on the list, the one with most overdue ones first."""
    rows = release.connection.execute(
        sql.SQL(
            """
            select listed.agency_code, coalesce(min(agency.agency_name), listed.agency_code), {counts}
            from {listed} as listed
            left join (
              select distinct on (agency_code) agency_code, agency_name from {scope} where depth = 0
              order by agency_code, valid_from desc
            ) as agency using (agency_code)
            group by listed.agency_code
            order by 3 desc, 1
            """
        ).format(
            listed=sql.Identifier(release.schema, "morning_list"),
            scope=sql.Identifier(release.schema, "figure_scope"),
            counts=sql.SQL(", ").join(
                sql.SQL("count(*) filter (where reason = {})").format(sql.Literal(reason))
                for reason in REASONS
            ),
        )
    )
    return [Count(code, name, tuple(found)) for code, name, *found in rows]
