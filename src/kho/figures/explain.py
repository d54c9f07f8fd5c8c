"""Which rows a figure counts: by code, down to the file that each came in and its row there. No personal data."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg import sql
from psycopg.rows import kwargs_row

from kho.figures.figures import (
    Figure,
    Published,
    Scheme,
    asked,
    explained,
    kept_parameters,
    wholes_of,
)
from kho.figures.kinds import CountedOnce, Metric, Role, metrics
from kho.settings import Settings

#: of what is counted once, the rows of keys that are there in the end
_OF_KEYS_THAT_ARE_THERE = """
  select * from (
    select *, sum(amount) over (partition by agency_level, counted_key) as amount_of_key from counted
  ) as summed where amount_of_key > 0
"""


class UnknownMetric(LookupError):
    """No figure has this name; the message names those that are spelled alike."""


@dataclass(frozen=True)
class Row:
    """One row that counts. `batch_id`, `file` and `row_number` (1 is the first row of data) are None for lists that Kho itself has.

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
    batch_id: int | None
    file: str | None
    row_number: int | None
    signer_position: str | None
    signer_agency: str | None
    document_code: str | None
    signed_at: datetime | None
    adjustment_reason: str | None


@dataclass(frozen=True)
class Part:
    """A figure that is counted from rows: the one that was asked for, or a part of a ratio.

    `row_count` is how many rows there are, of which `rows` may be the first only.
    """

    role: Role
    metric: str
    title: str
    counted_once: CountedOnce | None
    divisor: int | None
    figures: list[Figure]
    rows: list[Row]
    row_count: int

    def counted(self, level: str) -> Decimal:
        """What the rows come to at a level: the figure's value. `ValueError` where not all are there."""
        if len(self.rows) < self.row_count:
            raise ValueError(f"{len(self.rows)} of {self.row_count} rows do not come to the figure")
        rows = [row for row in self.rows if level in ("all", row.level)]
        if self.counted_once == "over_all":
            return Decimal(len({row.counted_key for row in rows}))
        if self.counted_once == "per_level":
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


def explain(
    settings: Settings,
    scope: str,
    period: str,
    metric: str,
    scheme: Scheme = "calendar",
    most_rows: int | None = None,
) -> Explanation:
    """The rows that a figure counts in a scope and period, adjustments first: all of them, or the first `most_rows` of each part.

    Raises `UnknownMetric`, `UnknownScope`, `UnknownPeriod`, `NotBegun` or `NoRelease`.
    """
    with explained(settings) as release:
        meant, first_day, last_day = asked(release, scope, period, scheme)
        known = metrics(release)
        if metric not in known:
            raise UnknownMetric(_unknown(metric, known))
        wanted = known[metric]
        shown = wholes_of(release, [meant.agency_code], first_day, last_day)[meant.agency_code]
        parts = [
            _part(release, role, known[name], shown, meant.agency_code, first_day, last_day, most_rows)
            for role, name in wanted.parts.items()
        ]
    return Explanation(
        meant.agency_code,
        meant.name,
        first_day,
        last_day,
        metric,
        wanted.title,
        [figure for figure in shown if figure.metric == metric],
        parts,
        release.release,
    )


def _unknown(metric: str, known: Iterable[str]) -> str:
    alike = difflib.get_close_matches(metric, known, n=3, cutoff=0.5)
    meant = (
        f": did you mean {', '.join(alike)}?" if alike else ": `kho figures` with --format csv names them all"
    )
    return f"{metric} is no figure{meant}"


def _part(
    release: Published,
    role: Role,
    metric: Metric,
    shown: list[Figure],
    scope_code: str,
    first_day: date,
    last_day: date,
    most_rows: int | None,
) -> Part:
    of_metric = [figure for figure in shown if figure.metric == metric.metric]
    told = [figure.level for figure in of_metric if figure.value is not None]
    found = _rows(release, metric, scope_code, first_day, last_day, told, most_rows) if told else []
    return Part(
        role,
        metric.metric,
        metric.title,
        metric.counted_once,
        metric.divisor,
        of_metric,
        [row for _, row in found],
        found[0][0] if found else 0,
    )


def _rows(
    release: Published,
    metric: Metric,
    scope_code: str,
    first_day: date,
    last_day: date,
    levels: list[str],
    most: int | None,
) -> list[tuple[int, Row]]:
    """The rows of these levels, each with how many there are."""
    # What a row added and took away again (a dossier that was resolved, a list that was followed by the next) is gone.
    # By the scope's agencies first: those of others are not read.
    query = sql.SQL(
        """
        with member as (
          select distinct on (agency_code) agency_code, agency_level, agency_name
          from {scope}
          where scope_agency_code = %(scope)s
            and valid_from <= %(last)s and coalesce(valid_to, 'infinity') >= %(first)s
          order by agency_code, valid_from desc
        ), counted as (
          select agency_code, agency_level, agency_name, detail, counted_key, row_code, is_adjustment, batch_id, row_number,
            min(movement_date) as movement_date, sum(amount)::bigint as amount
          from member
          join {row} as row using (agency_code)
          where metric = %(movement)s and movement_date between %(from)s and %(to)s
            and agency_level = any(%(levels)s)
            and (parameter_set is null or parameter_set = %(parameters)s)
          group by 1, 2, 3, 4, 5, 6, 7, 8, 9
          having sum(amount) <> 0
        ), kept as (
          {kept}
        ), first as (
          select *, count(*) over () as row_count from kept
          order by is_adjustment desc, agency_code, movement_date, row_code
          limit %(most)s
        )
        select first.row_count, first.agency_level as level, first.agency_code, first.agency_name, first.detail,
          first.movement_date, first.row_code, first.counted_key, first.amount, first.is_adjustment,
          batch.contract, batch_id, batch.file_name as file, first.row_number,
          attested.signer_position, attested.signer_agency, attested.document_code, attested.signed_at,
          attested.adjustment_reason
        from first
        left join {batch} as batch using (batch_id)
        left join {attestation} as attested
          on first.is_adjustment and attested.adjustment_code = first.row_code
        order by first.is_adjustment desc, first.agency_code, first.movement_date, first.row_code
        """
    ).format(
        scope=sql.Identifier(release.schema, "figure_scope"),
        row=sql.Identifier(release.schema, "figure_row"),
        batch=sql.Identifier(release.schema, "figure_batch"),
        attestation=sql.Identifier(release.schema, "figure_attestation"),
        kept=sql.SQL(_OF_KEYS_THAT_ARE_THERE if metric.counted_once else "select * from counted"),
    )
    first, last = metric.days(first_day, last_day)
    given = {
        "movement": metric.movement,
        "scope": scope_code,
        "first": first_day,
        "last": last_day,
        "from": first,
        "to": last,
        "levels": levels,
        "most": most,
        "parameters": kept_parameters(release, scope_code, first_day, last_day),
    }

    def made(row_count: int, **values: Any) -> tuple[int, Row]:
        return row_count, Row(**values)

    with release.connection.cursor(row_factory=kwargs_row(made)) as cursor:
        return cursor.execute(query, given).fetchall()
