"""Figures in the units of another day: the past of today's units, and what has become of those of before.

What a unit was made of says the crosswalk of the reorganisation. A unit that also holds others can't be taken apart:
asked for one of its parts, it is named, and there is no figure.
"""

from __future__ import annotations

from datetime import date

from psycopg import sql

from kho.figures.figures import (
    FigureSet,
    Published,
    Scheme,
    Scope,
    UnknownScope,
    agency,
    figures_of,
    must_have_begun,
    period_days,
    published,
)
from kho.settings import Settings


class NotRestatable(LookupError):
    """The units of the period can't be told apart, or some are not in the warehouse; the message names them."""


def restated(
    settings: Settings, scope: str, period: str, units_of: date, scheme: Scheme = "calendar"
) -> FigureSet:
    """The figures of a period for a scope as it is on the day `units_of`.

    Raises `NotRestatable`, `UnknownScope`, `UnknownPeriod`, `NotBegun` or `NoRelease`.
    """
    with published(settings) as release:
        first_day, last_day = period_days(release, period, scheme)
        meant = agency(release, scope, units_of, units_of)
        parts = _parts(release, meant, first_day, last_day)
        must_have_begun(release, meant, period, first_day)
        found = figures_of(release, meant.agency_code, first_day, last_day, is_restated=True)
    if not found:
        raise UnknownScope(
            f"{meant.name} ({meant.agency_code}) was not there from {first_day} to {last_day}, and nothing is known of "
            "what it was made of or became"
        )
    return FigureSet(
        meant.agency_code, meant.name, first_day, last_day, release.release, found, units_of, parts
    )


def _parts(release: Published, meant: Scope, first_day: date, last_day: date) -> tuple[str, ...]:
    """Names of the units that stand for the scope in the period."""
    query = sql.SQL(
        "select agency_code, agency_name, mixed_with, depth = min(depth) over () from {}"
        " where is_restated and scope_agency_code = %s and coalesce(valid_from, '-infinity') <= %s"
        " and coalesce(valid_to, 'infinity') >= %s order by agency_code, agency_name"
    ).format(sql.Identifier(release.schema, "figure_scope_restated"))
    rows = release.connection.execute(query, [meant.agency_code, last_day, first_day]).fetchall()
    mixed = [f"{name} also holds {others}" for _, name, others, _ in rows if others]
    if mixed:
        raise NotRestatable(
            f"the figures of {meant.name} ({meant.agency_code}) can't be told from {first_day} to {last_day}: "
            + "; ".join(mixed)
        )
    absent = [name for code, name, _, _ in rows if code is None]
    if absent:
        raise NotRestatable(
            f"{meant.name} ({meant.agency_code}) was also made of {', '.join(absent)}, which this warehouse doesn't know: "
            "add them to dbt_project/seeds/agencies.csv when their exports come"
        )
    return tuple(name for _, name, _, is_shown in rows if is_shown)
