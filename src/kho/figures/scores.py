"""What units are scored by (QĐ 766/QĐ-TTg): the points of each metric as they are recomputed, beside the portal's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from psycopg import sql
from psycopg.rows import class_row

from kho.figures.figures import NoRelease, Published, State, UnknownPeriod, has_mart


@dataclass(frozen=True)
class Score:
    """A metric of a unit and period by one way of scoring it; `is_default` is the one whose points are added up.

    None is what is not known, never 0. `reason` says why there are no points; `left_out_count` is of dossiers that can't be
    judged.
    """

    metric_code: str
    metric_group: str
    title: str
    formula_title: str
    is_default: bool
    numerator: Decimal | None
    denominator: Decimal | None
    ratio_pct: Decimal | None
    left_out_count: int | None
    points: Decimal | None
    maximum: Decimal
    portal_points: Decimal | None
    difference: Decimal | None
    is_different: bool
    state: State | str
    reason: str | None
    as_of: date | None


def scored_period(release: Published, first_day: date, last_day: date) -> str:
    """The code of the calendar month, quarter or year of these days. Raises `UnknownPeriod` where they are none."""
    found = release.connection.execute(
        sql.SQL(
            "select period_code from {} where scheme = 'calendar' and period_kind in ('month', 'quarter', 'year')"
            " and from_date = %s and to_date = %s"
        ).format(sql.Identifier(release.schema, "figure_period")),
        [first_day, last_day],
    ).fetchone()
    if not found:
        raise UnknownPeriod(
            f"{first_day} to {last_day} is no month, quarter or year: units are scored for these only"
        )
    return found[0]


def scores(release: Published, scope_code: str, period_code: str) -> list[Score]:
    """Every metric in its place, the default way of scoring it first; none where nothing is told. Raises `NoRelease`."""
    if not has_mart(release, "service_score"):
        raise NoRelease(
            f"release {release.release} was made by an earlier version, without scores: `kho run` makes one with them"
        )
    with release.connection.cursor(row_factory=class_row(Score)) as cursor:
        return cursor.execute(
            sql.SQL(
                """
                select metric_code, metric_group, title, formula_title, is_default,
                  trim_scale(numerator) as numerator, trim_scale(denominator) as denominator, ratio_pct,
                  left_out_count, points, maximum,
                  -- Two decimals, or as many as the portal told.
                  round(portal_points, greatest(2, min_scale(portal_points))) as portal_points,
                  round(difference, greatest(2, min_scale(difference))) as difference, is_different, state, reason, as_of
                from {}
                where scope_agency_code = %s and period_code = %s
                order by ordinal, is_default desc, formula_version
                """
            ).format(sql.Identifier(release.schema, "service_score")),
            [scope_code, period_code],
        ).fetchall()
