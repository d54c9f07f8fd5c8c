"""What form II.06 is made of: how many dossiers stand in which of its columns, by agency and field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta

from psycopg import sql
from psycopg.rows import class_row

from kho.database import the_row
from kho.figures.figures import Published, Scheme


class UnknownParameters(LookupError):
    """No set of parameters of this name; the message lists those that there are."""


@dataclass(frozen=True)
class ParameterSet:
    """A named set of rules that forms are counted by.

    `continues`: a period begins as the one before ended. `counts_both_levels`: a procedure of two levels is two in totals.
    """

    name: str
    title: str
    continues: bool
    counts_both_levels: bool


@dataclass(frozen=True)
class Counts:
    """The columns 3 to 13 of form II.06 (TT 01/2020/TT-VPCP), and what of column 9 ended without a result."""

    received_total_count: int = 0
    received_online_count: int = 0
    received_direct_or_post_count: int = 0
    carried_over_count: int = 0
    resolved_total_count: int = 0
    resolved_early_count: int = 0
    resolved_on_time_count: int = 0
    resolved_late_count: int = 0
    pending_total_count: int = 0
    pending_within_deadline_count: int = 0
    pending_overdue_count: int = 0
    ended_without_result_count: int = 0

    @property
    def columns(self) -> tuple[int, ...]:
        """Columns 3 to 13, in their order."""
        return tuple(getattr(self, each.name) for each in fields(Counts)[:11])

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))

    def broken(self) -> list[str]:
        """Which of the form's identities do not hold, each with its two sides."""
        c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = self.columns
        sides = {
            "3 = 4 + 5 + 6": (c3, c4 + c5 + c6),
            "7 = 8 + 9 + 10": (c7, c8 + c9 + c10),
            "11 = 12 + 13": (c11, c12 + c13),
            "3 = 7 + 11": (c3, c7 + c11),
        }
        found = [f"{name}: {left} ≠ {right}" for name, (left, right) in sides.items() if left != right]
        return found + ["≥ 0"] * any(count < 0 for count in self.columns)


@dataclass(frozen=True)
class Settled:
    """The counts of one agency and field."""

    agency_code: str
    agency_name: str
    field: str
    field_title: str
    counts: Counts


def total(rows: Iterable[Settled]) -> Counts:
    return sum((row.counts for row in rows), Counts())


def parameter_set(release: Published, name: str) -> ParameterSet:
    """The set of this name. Raises `UnknownParameters`."""
    known = {
        row[0]: ParameterSet(*row)
        for row in release.connection.execute(
            sql.SQL(
                "select parameter_set, title, ended <> 'excluded' and waiting <> 'resolved', both_levels = 'twice'"
                " from {} order by 1"
            ).format(sql.Identifier(release.schema, "parameter_set"))
        )
    }
    if name not in known:
        raise UnknownParameters(f"{name} is no set of parameters; there are {', '.join(known)}")
    return known[name]


def settled(
    release: Published, scope_code: str, first_day: date, last_day: date, parameters: str
) -> list[Settled]:
    """The counts of every agency of the scope and field in the period, as of its last day or the last one told of."""
    source = sql.SQL("{}(%(scope)s, %(first)s, %(last)s, %(parameters)s)").format(
        sql.Identifier(release.schema, "settlement")
    )
    given = {"scope": scope_code, "first": first_day, "last": last_day, "parameters": parameters}
    return _named(release, source, given)


@dataclass(frozen=True)
class MinistrySheets:
    """What the ministries' systems tell of a scope and period, and what is missing of that.

    `rows_held` contradicted themselves and were not loaded; `fields_held` are fields of which the months of a longer period
    contradict each other; `months_missing` counts each unit's.
    """

    rows: list[Settled]
    rows_held: int
    fields_held: int
    months_missing: int


def told_by_ministries(
    release: Published, scope_code: str, first_day: date, last_day: date, scheme: Scheme
) -> MinistrySheets | None:
    """None where no sheet of the scope was told, and for days that are no period of the scheme."""
    given = {"scope": scope_code, "first": first_day, "last": last_day, "scheme": scheme}
    of_scope = sql.SQL(
        """
        {period} as period
        join {mart} as told using (scheme, period_code)
        where scheme = %(scheme)s and period.from_date = %(first)s and period.to_date = %(last)s
          and exists (
            select from {scope} as member
            where member.scope_agency_code = %(scope)s and member.agency_code = told.agency_code
              and member.valid_from <= %(last)s and coalesce(member.valid_to, 'infinity') >= %(first)s
          )
        """
    )

    def told(mart: str) -> sql.Composed:
        return of_scope.format(
            period=sql.Identifier(release.schema, "figure_period"),
            mart=sql.Identifier(release.schema, mart),
            scope=sql.Identifier(release.schema, "figure_scope"),
        )

    sheets, rows_held, missing = the_row(
        release.connection.execute(
            sql.SQL(
                "select count(*), coalesce(sum(rows_held_count), 0)::integer,"
                " coalesce(sum(sheets_due_count - sheets_told_count), 0)::integer from {}"
            ).format(told("ministry_sheet")),
            given,
        )
    )
    if not sheets:
        return None
    settlement = told("ministry_settlement")
    (fields_held,) = the_row(
        release.connection.execute(
            sql.SQL("select count(*) from {} and told.is_held").format(settlement), given
        )
    )
    source = sql.SQL("(select told.*, 0 as ended_without_result_count from {} and not told.is_held)").format(
        settlement
    )
    return MinistrySheets(_named(release, source, given), rows_held, fields_held, missing)


def _named(release: Published, source: sql.Composable, given: Mapping[str, object]) -> list[Settled]:
    """The rows of a source of counts, with the names of their agencies, as of the period, and fields."""
    query = sql.SQL(
        """
        select row.agency_code, coalesce(agency.agency_name, row.agency_code), coalesce(row.field, ''),
          coalesce(detail.title, 'Chưa rõ lĩnh vực'), {columns}
        from {source} as row
        left join lateral (
          select agency_name from {scope} as member
          where member.agency_code = row.agency_code and member.depth = 0
            and valid_from <= %(last)s and coalesce(valid_to, 'infinity') >= %(first)s
          order by valid_from desc limit 1
        ) as agency on true
        left join {detail} as detail on detail.detail = row.field
        order by 1, 3
        """
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier("row", each.name) for each in fields(Counts)),
        source=source,
        scope=sql.Identifier(release.schema, "figure_scope"),
        detail=sql.Identifier(release.schema, "figure_detail"),
    )
    return [
        Settled(code, name, field, title, Counts(*counts))
        for code, name, field, title, *counts in release.connection.execute(query, given)
    ]


def period_before(
    release: Published, first_day: date, last_day: date, scheme: Scheme
) -> tuple[date, date] | None:
    """The period of the same kind that ended the day before this one; none where this is no period of the scheme."""
    return release.connection.execute(
        sql.SQL(
            """
            select earlier.from_date, earlier.to_date
            from {period} as this
            join {period} as earlier using (scheme, period_kind)
            where scheme = %s and this.from_date = %s and this.to_date = %s and earlier.to_date = %s
            """
        ).format(period=sql.Identifier(release.schema, "figure_period")),
        [scheme, first_day, last_day, first_day - timedelta(days=1)],
    ).fetchone()


@dataclass(frozen=True)
class Pauses:
    """Dossiers of the scope and period whose due date was moved for supplements by Kho, in systems that may do so too."""

    system: str
    dossier_count: int


def doubtful_pauses(release: Published, scope_code: str, first_day: date, last_day: date) -> list[Pauses]:
    """Where time may have been given twice: whether these systems move due dates themselves is not known."""
    with release.connection.cursor(row_factory=class_row(Pauses)) as cursor:
        return cursor.execute(
            sql.SQL(
                """
                select system, count(distinct dossier_code)::integer as dossier_count
                from {stretch}
                where due_moves is distinct from 'yes' and due_moves is distinct from 'no' and pause_days > 0
                  and from_date <= %(last)s and coalesce(ended_date, 'infinity') >= %(first)s
                  and holding_agency_code in (select agency_code from {scope} where scope_agency_code = %(scope)s)
                group by system order by system
                """
            ).format(
                stretch=sql.Identifier(release.schema, "dossier_stretch"),
                scope=sql.Identifier(release.schema, "figure_scope"),
            ),
            {"scope": scope_code, "first": first_day, "last": last_day},
        ).fetchall()
