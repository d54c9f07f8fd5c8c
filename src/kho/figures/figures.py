"""The figures of one scope (an agency and those below it) in one period, from the release in force."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from kho.database import connect
from kho.ledger import releases
from kho.settings import Settings

Scheme = Literal["calendar", "administrative"]
State = Literal["measured", "attested", "stale", "partial", "not_delivered", "not_operated", "not_applicable"]

PERIODS = "2021, 2021-H1, 2021-9M, 2021-Q2, 2021-06 or 2021-01-01..2021-03-15"


#: the set of parameters that dossiers are judged by, unless a report keeps another
DEFAULT = "default"


class UnknownScope(LookupError):
    """No agency, or more than one, is meant; the message lists the candidates."""


class UnknownPeriod(ValueError):
    """Not a period; the message says what is one."""


class NotBegun(UnknownPeriod):
    """The period begins after the last day that the release can tell of; the message names both."""


class NoRelease(LookupError):
    """Nothing is published yet."""


@dataclass(frozen=True)
class Figure:
    """One number of a report. `value` and `measured_value` are None where there is none; percentages are 0 to 100.

    `covered_from` and `covered_to` are the days of the period that the sources of all its agencies cover, those after
    the last gap; None where they cover no day.
    """

    metric: str
    level: str
    detail: str
    value: Decimal | None
    unit: str
    state: State
    measured_value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    as_of: date | None
    release: int
    title: str
    unit_title: str
    detail_title: str
    scope_code: str
    first_day: date
    last_day: date
    covered_from: date | None = None  # reports that were handed over earlier have neither
    covered_to: date | None = None


@dataclass(frozen=True)
class FigureSet:
    """Figures, and what they are of.

    `parameters` names the set that dossiers are judged by. Restated figures are of the scope as it is on the day `units_of`; `made_of` names the units that stood for it.
    """

    scope_code: str
    scope_name: str
    first_day: date
    last_day: date
    release: int
    figures: list[Figure]
    units_of: date | None = None
    made_of: tuple[str, ...] = ()
    parameters: str = DEFAULT


@dataclass(frozen=True)
class Scope:
    """An agency whose figures count those below it."""

    agency_code: str
    unit_code: str | None
    name: str
    short_name: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True)
class Period:
    """A period that has a name."""

    scheme: Scheme
    code: str
    kind: str
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Published:
    """The release in force as one snapshot: a night that publishes meanwhile doesn't mix its release in."""

    connection: psycopg.Connection
    release: int
    build: int
    schema: str
    business_date: date


def figures(settings: Settings, scope: str, period: str, scheme: Scheme = "calendar") -> list[Figure]:
    """Every figure of the scope in the period, in the order of the metrics, then levels and details.

    `scope` is an agency code, a unit code or a name; `period` is a code of `scheme` or `from..to`.
    Raises `UnknownScope`, `UnknownPeriod`, `NotBegun` or `NoRelease`.
    """
    return figure_set(settings, scope, period, scheme).figures


def figure_set(settings: Settings, scope: str, period: str, scheme: Scheme = "calendar") -> FigureSet:
    """The same with what it is of. `report_figure` holds the same rows for named periods that have begun."""
    with published(settings) as release:
        meant, first_day, last_day = asked(release, scope, period, scheme)
        found = figures_of(release, meant.agency_code, first_day, last_day)
        parameters = kept_parameters(release, meant.agency_code, first_day, last_day)
    return FigureSet(
        meant.agency_code, meant.name, first_day, last_day, release.release, found, parameters=parameters
    )


@contextmanager
def published(settings: Settings) -> Iterator[Published]:
    """The release in force, to read from. Raises `NoRelease`."""
    with connect(settings, "kho_auditor") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found = releases.find_in_force(connection)
        if not found:
            raise NoRelease("nothing is published yet: `kho run` makes a night")
        yield Published(connection, found.release_id, found.build_id, found.schema_name, found.business_date)


@contextmanager
def explained(settings: Settings) -> Iterator[Published]:
    """The same for what also needs the rows behind the figures. Raises `NoRelease` too where it has none."""
    with published(settings) as release:
        if not all(has_mart(release, mart) for mart in ("figure_row", "dossier_stretch")):
            raise NoRelease(
                f"release {release.release} was made by an earlier version, without all the rows behind its figures:"
                " `kho run` makes one with them"
            )
        yield release


def figures_of(
    release: Published, scope_code: str, first_day: date, last_day: date, *, is_restated: bool = False
) -> list[Figure]:
    """Every figure of this agency from this day to that one, in the order of `figures`.

    Those of a named period are stored, others are counted. Restated, what stood for the agency before it was there, or
    after, counts for it too.
    """
    given = {"scope": scope_code, "scopes": [scope_code], "first": first_day, "last": last_day}
    if is_restated:
        return _rows(release, _counted(release, "figures_restated"), given)
    return _rows(release, _stored(release), given) or _rows(release, _counted(release, "figures"), given)


def wholes_of(
    release: Published, scope_codes: Collection[str], first_day: date, last_day: date
) -> dict[str, list[Figure]]:
    """The figures without a detail of each of these agencies, in the order of `figures`: all that are stored at once."""
    found: dict[str, list[Figure]] = {code: [] for code in scope_codes}
    given = {"scopes": list(scope_codes), "first": first_day, "last": last_day}
    for figure in _rows(release, _whole(_stored(release)), given):
        found[figure.scope_code].append(figure)
    counted = _whole(_counted(release, "figures"))
    return {
        code: figures or _rows(release, counted, {**given, "scope": code}) for code, figures in found.items()
    }


def _whole(figures: sql.Composed) -> sql.Composed:
    return sql.SQL("(select * from {} as each where detail = '')").format(figures)


def _stored(release: Published) -> sql.Composed:
    return sql.SQL(
        """
        (
          select * from {figures}
          where scope_agency_code = any(%(scopes)s) and (scheme, period_code) = (
            select scheme, period_code from {period} where from_date = %(first)s and to_date = %(last)s limit 1
          )
        )
        """
    ).format(
        figures=sql.Identifier(release.schema, "report_figure"),
        period=sql.Identifier(release.schema, "figure_period"),
    )


def _counted(release: Published, function: str) -> sql.Composed:
    return sql.SQL("{}(%(scope)s, %(first)s, %(last)s)").format(sql.Identifier(release.schema, function))


def _rows(release: Published, figures: sql.Composed, given: dict[str, object]) -> list[Figure]:
    # A release of an earlier version has no covered_to.
    query = sql.SQL(
        """
        select figure.metric, figure.level, figure.detail, shown.value, figure.unit, figure.state,
          shown.measured_value, trim_scale(figure.numerator) as numerator, trim_scale(figure.denominator) as denominator,
          figure.as_of,
          figure.covered_from, (to_jsonb(figure) ->> 'covered_to')::date as covered_to, {release} as release,
          metric.title, metric.unit_title,
          coalesce(nullif(concat_ws(' / ', nullif(split.agency, ''), coalesce(detail.title, split.part)), ''), '')
            as detail_title,
          figure.scope_agency_code as scope_code, figure.from_date as first_day, figure.to_date as last_day
        from {figures} as figure
        join {metric} as metric using (metric)
        cross join lateral (
          select
            case when figure.detail like '%% / %%' then split_part(figure.detail, ' / ', 1) else '' end as agency,
            case when figure.detail like '%% / %%' then split_part(figure.detail, ' / ', 2) else figure.detail end as part
        ) as split
        cross join lateral (
          -- Stored, every number has the same decimals: a percentage is shown with two, others with those that they have.
          select
            case when metric.numerator is null then trim_scale(figure.value) else round(figure.value, 2) end as value,
            case when metric.numerator is null then trim_scale(figure.measured_value) else round(figure.measured_value, 2) end
              as measured_value
        ) as shown
        left join {detail} as detail on detail.detail = split.part
        order by metric.ordinal, array_position(array['all', 'province', 'district', 'commune'], figure.level), figure.detail
        """
    ).format(
        release=sql.Literal(release.release),
        figures=figures,
        metric=sql.Identifier(release.schema, "figure_metric"),
        detail=sql.Identifier(release.schema, "figure_detail"),
    )
    with release.connection.cursor(row_factory=class_row(Figure)) as cursor:
        return cursor.execute(query, given).fetchall()


def asked(
    release: Published, scope: str, period: str, scheme: Scheme = "calendar"
) -> tuple[Scope, date, date]:
    """The agency that is meant, and the first and the last day of a period that has begun.

    Raises `UnknownScope`, `UnknownPeriod` or `NotBegun`.
    """
    first_day, last_day = period_days(release, period, scheme)
    meant = agency(release, scope, first_day, last_day)
    must_have_begun(release, meant, period, first_day)
    return meant, first_day, last_day


def must_have_begun(release: Published, scope: Scope, period: str, first_day: date) -> None:
    """Raises `NotBegun` for a period of which the release can't tell anything yet."""
    if first_day > release.business_date:
        raise NotBegun(
            f"{scope.name} ({scope.agency_code}): {period} has not begun. It begins on {first_day}; data tell up to"
            f" {release.business_date}, the date of release {release.release}"
        )


def kept_parameters(release: Published, scope_code: str, first_day: date, last_day: date) -> str:
    """The set that the report of this scope and period keeps; else the default, by which earlier versions counted too."""
    if not has_mart(release, "report_parameter"):
        return DEFAULT
    found = release.connection.execute(
        sql.SQL(
            "select parameter_set from {} where scope_agency_code = %s and from_date = %s and to_date = %s"
        ).format(sql.Identifier(release.schema, "report_parameter")),
        [scope_code, first_day, last_day],
    ).fetchone()
    return found[0] if found else DEFAULT


def has_mart(release: Published, mart: str) -> bool:
    """Whether the release has this mart: one made by an earlier version may not."""
    ((is_there,),) = release.connection.execute(
        "select to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null", [release.schema, mart]
    ).fetchall()
    return bool(is_there)


def period_days(release: Published, period: str, scheme: Scheme = "calendar") -> tuple[date, date]:
    """First and last day of a period's code or `from..to`. Raises `UnknownPeriod`."""
    if ".." in period:
        try:
            first, last = (date.fromisoformat(part) for part in period.split("..", 1))
        except ValueError:
            raise UnknownPeriod(f"{period} is not a period: it can be {PERIODS}") from None
        if first > last:
            raise UnknownPeriod(f"{period} ends before it begins")
        return first, last
    row = release.connection.execute(
        sql.SQL("select from_date, to_date from {} where scheme = %s and period_code = %s").format(
            sql.Identifier(release.schema, "figure_period")
        ),
        [scheme, period.upper()],
    ).fetchone()
    if not row:
        raise UnknownPeriod(f"{period} is not a period: it can be {PERIODS}")
    return row


def scopes(release: Published, first: date = date.min, last: date = date.max) -> list[Scope]:
    """The agencies that there are on any of these days, in the order of their codes; one that changed, in each of its versions."""
    query = sql.SQL(
        "select scope_agency_code, scope_unit_code, scope_name, scope_short_name, valid_from, valid_to from {}"
        " where depth = 0 and valid_from <= %s and coalesce(valid_to, 'infinity') >= %s order by 1, 5"
    ).format(sql.Identifier(release.schema, "figure_scope"))
    return [Scope(*row) for row in release.connection.execute(query, [last, first])]


def periods(release: Published) -> list[Period]:
    """The named periods that have begun, the newest year first, of a year the longest first."""
    query = sql.SQL(
        """
        select scheme, period_code, period_kind, from_date, to_date from {} where from_date <= %s
        order by scheme = 'calendar' desc, left(period_code, 4) desc,
          array_position(array['year', 'half_year', 'nine_months', 'quarter', 'month'], period_kind), period_code
        """
    ).format(sql.Identifier(release.schema, "figure_period"))
    return [Period(*row) for row in release.connection.execute(query, [release.business_date])]


def told_periods(release: Published, scope_code: str) -> set[tuple[Scheme, str]]:
    """Scheme and code of the named periods of which this agency has any value."""
    query = sql.SQL(
        "select distinct scheme, period_code from {} where scope_agency_code = %s and detail = '' and value is not null"
    ).format(sql.Identifier(release.schema, "report_figure"))
    return set(release.connection.execute(query, [scope_code]))


def agency(release: Published, wanted: str, first: date, last: date) -> Scope:
    """The one agency that is meant, of those that exist in the period: a unit's code alone is ambiguous over time.

    Raises `UnknownScope`.
    """
    known = scopes(release, first, last)
    asked = _fold(wanted)
    matches = (
        [one for one in known if asked in (_fold(one.agency_code), _fold(one.unit_code or ""))]
        or [one for one in known if asked == _fold(one.name)]
        or [one for one in known if asked in (_fold(one.short_name), _bare(one.name))]
        or [one for one in known if asked and asked in _fold(one.name)]
    )
    meant = {one.agency_code: one for one in matches}  # the newest version of each
    if len(meant) == 1:
        return matches[-1]
    if not matches:
        raise UnknownScope(f"{wanted} is no agency of that time: give its code or its name")
    listed = "\n".join(
        f"  {one.agency_code:<11} {one.unit_code or '':<6} {one.name}"
        + (f", until {one.valid_to}" if one.valid_to and one.valid_to < last else "")
        + (f", since {one.valid_from}" if one.valid_from > first else "")
        for one in meant.values()
    )
    raise UnknownScope(f"{wanted} may be one of these; give the code of one:\n{listed}")


def _fold(text: str) -> str:
    """Without accents, case and doubled spaces: `Châu Khánh` and `chau  khanh` are one."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d").replace("ð", "d"))
    return " ".join("".join(letter for letter in plain if not unicodedata.combining(letter)).split())


def _bare(name: str) -> str:
    return re.sub(r"^(tinh|huyen|thi tran|xa|phuong|thanh pho) ", "", _fold(name))
