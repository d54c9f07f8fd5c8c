"""Which rows a figure counts: by code, down to the file that each came in and its row there. No personal data.

The rows are those of the warehouse; the figure is the release's. Where the warehouse has been built again since, the two
may differ, and the explanation says so.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from kho.figures.figures import Figure, Published, Scheme, agency, figures_of, period_days, published
from kho.settings import Settings

Role = Literal["counted", "numerator", "denominator"]


class UnknownMetric(LookupError):
    """No figure has this name; the message names those that are spelled alike."""


class WarehouseBusy(RuntimeError):
    """A build is replacing what the rows are read from."""


@dataclass(frozen=True)
class Row:
    """One row that counts. `file` and `row_number` (1 is the first row of data) are None for lists that Kho itself has.

    `counted_key` is what is counted once, where not the row itself is. Signed adjustments have who signed them, and why.
    """

    level: str
    agency_code: str
    agency_name: str
    detail: str
    movement_date: date
    row_code: str
    counted_key: str | None
    amount: int
    is_adjustment: bool
    contract: str | None
    file: str | None
    row_number: int | None
    signer_position: str | None
    signer_agency: str | None
    document_code: str | None
    signed_at: datetime | None
    adjustment_reason: str | None


@dataclass(frozen=True)
class Part:
    """A figure that is counted from rows: the one that was asked for, or a part of a ratio."""

    role: Role
    metric: str
    title: str
    kind: str
    divisor: int | None
    figures: list[Figure]
    rows: list[Row]

    def counted(self, level: str) -> Decimal:
        """What the rows come to at a level: the figure's value, unless the warehouse is newer than the release."""
        rows = [row for row in self.rows if level in ("all", row.level)]
        if self.kind == "distinct_flow_over_all":
            return Decimal(len({row.counted_key for row in rows}))
        if self.kind.startswith("distinct"):
            return Decimal(len({(row.level, row.counted_key) for row in rows}))
        total = Decimal(sum(row.amount for row in rows))
        return total / self.divisor if self.divisor else total


@dataclass(frozen=True)
class Explanation:
    """A figure of a scope and period at each level, its parts, and what they were counted from."""

    scope_code: str
    scope_name: str
    first_day: date
    last_day: date
    metric: str
    title: str
    figures: list[Figure]
    parts: list[Part]
    release: int
    is_warehouse_newer: bool


@dataclass(frozen=True)
class _Metric:
    metric: str
    title: str
    kind: str
    movement: str | None
    numerator: str | None
    denominator: str | None
    divisor: int | None


def explain(
    settings: Settings, scope: str, period: str, metric: str, scheme: Scheme = "calendar"
) -> Explanation:
    """The rows that a figure counts in a scope and period, adjustments first.

    Raises `UnknownMetric`, `UnknownScope`, `UnknownPeriod`, `NoRelease` or `WarehouseBusy`.
    """
    with published(settings) as release:
        first_day, last_day = period_days(release, period, scheme)
        meant = agency(release, scope, first_day, last_day)
        known = _metrics(release)
        if metric not in known:
            raise UnknownMetric(_unknown(metric, known))
        asked = known[metric]
        shown = [
            figure
            for figure in figures_of(release, meant.agency_code, first_day, last_day)
            if figure.detail == ""
        ]
        roles: dict[Role, str | None] = {"numerator": asked.numerator, "denominator": asked.denominator}
        parts = [
            _part(release, role, known[name], shown, meant.agency_code, first_day, last_day)
            for role, name in (roles.items() if asked.kind == "ratio" else [("counted", metric)])
        ]
        (newest,) = release.connection.execute("select max(build_id) from ledger.build").fetchone()
    return Explanation(
        meant.agency_code,
        meant.name,
        first_day,
        last_day,
        metric,
        asked.title,
        [figure for figure in shown if figure.metric == metric],
        parts,
        release.release,
        newest != release.build,
    )


def _metrics(release: Published) -> dict[str, _Metric]:
    query = sql.SQL("select metric, title, kind, movement, numerator, denominator, divisor from {}").format(
        sql.Identifier(release.schema, "figure_metric")
    )
    return {row[0]: _Metric(*row) for row in release.connection.execute(query)}


def _unknown(metric: str, known: Iterable[str]) -> str:
    alike = difflib.get_close_matches(metric, known, n=3, cutoff=0.5)
    meant = (
        f": did you mean {', '.join(alike)}?" if alike else ": `kho figures` with --format csv names them all"
    )
    return f"{metric} is no figure{meant}"


def _part(
    release: Published,
    role: Role,
    metric: _Metric,
    shown: list[Figure],
    scope_code: str,
    first_day: date,
    last_day: date,
) -> Part:
    of_metric = [figure for figure in shown if figure.metric == metric.metric]
    told = {figure.level for figure in of_metric if figure.value is not None}
    rows = _rows(release, metric, scope_code, first_day, last_day) if told else []
    return Part(
        role,
        metric.metric,
        metric.title,
        metric.kind,
        metric.divisor,
        of_metric,
        [row for row in rows if row.level in told],
    )


def _rows(release: Published, metric: _Metric, scope_code: str, first_day: date, last_day: date) -> list[Row]:
    views = release.connection.execute(
        r"select viewname from pg_views where schemaname = 'warehouse' and viewname like 'movement\_%' order by 1"
    ).fetchall()
    if not views:
        raise WarehouseBusy("the warehouse is being built: ask again when the night is over (`kho status`)")
    columns = sql.SQL(
        "select agency_code, coalesce(detail, '') as detail, counted_key, row_code, is_adjustment, movement_date,"
        " amount, _batch_id, _row_number from {} where metric = %(movement)s"
    )
    # What a row added and took away again (a dossier that was resolved, a list that was followed by the next) is gone.
    query = sql.SQL(
        """
        with member as (
          select distinct on (agency_code) agency_code, agency_level, agency_name
          from {scope}
          where scope_agency_code = %(scope)s
            and valid_from <= %(last)s and coalesce(valid_to, 'infinity') >= %(first)s
          order by agency_code, valid_from desc
        ), movement as (
          {movements}
        ), counted as (
          select agency_code, detail, counted_key, row_code, is_adjustment, _batch_id, _row_number,
            min(movement_date) as movement_date, sum(amount)::bigint as amount
          from movement
          where movement_date between %(from)s and %(to)s
          group by 1, 2, 3, 4, 5, 6, 7
          having sum(amount) <> 0
        )
        select member.agency_level as level, counted.agency_code, member.agency_name, counted.detail,
          counted.movement_date, counted.row_code, counted.counted_key, counted.amount, counted.is_adjustment,
          batch.contract, delivery.name as file, counted._row_number as row_number,
          adjustment.signer_position, adjustment.signer_agency, adjustment.document_code, adjustment.signed_at,
          adjustment.adjustment_reason
        from counted
        join member using (agency_code)
        left join ledger.batch as batch on batch.batch_id = counted._batch_id
        left join ledger.delivery as delivery on delivery.delivery_id = batch.delivery_id
        left join warehouse.fct_dossier_adjustment as adjustment
          on counted.is_adjustment and adjustment.adjustment_code = counted.row_code
        order by counted.is_adjustment desc, counted.agency_code, counted.movement_date, counted.row_code
        """
    ).format(
        scope=sql.Identifier(release.schema, "figure_scope"),
        movements=sql.SQL(" union all ").join(
            columns.format(sql.Identifier("warehouse", view)) for (view,) in views
        ),
    )
    first, last = _days_counted(metric.kind, first_day, last_day)
    given = {
        "movement": metric.movement,
        "scope": scope_code,
        "first": first_day,
        "last": last_day,
        "from": first,
        "to": last,
    }
    try:
        with release.connection.cursor(row_factory=class_row(Row)) as cursor:
            rows = cursor.execute(query, given).fetchall()
    except psycopg.errors.UndefinedTable:
        raise WarehouseBusy(
            "the warehouse is being built: ask again when the night is over (`kho status`)"
        ) from None
    if not metric.kind.startswith("distinct"):
        return rows
    sums: dict[tuple[str, str | None], int] = {}
    for row in rows:
        sums[row.level, row.counted_key] = sums.get((row.level, row.counted_key), 0) + row.amount
    return [row for row in rows if sums[row.level, row.counted_key] > 0]


def _days_counted(kind: str, first_day: date, last_day: date) -> tuple[date, date]:
    """First and last day whose movements a figure of this kind sums up."""
    match kind:
        case "stock" | "distinct_stock":
            return date.min, last_day
        case "opening_stock":
            return date.min, first_day - timedelta(days=1)
        case "year_to_date":
            return date(last_day.year, 1, 1), last_day
        case _:
            return first_day, last_day
