"""Why a figure is another one in a later release: the batches that came, or went, in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from psycopg import sql
from psycopg.rows import class_row

from kho.figures.figures import Figure, Published
from kho.report.vietnamese import day

#: more are counted, not named
_NAMED = 5


@dataclass(frozen=True)
class _Batch:
    batch_id: int
    contract: str
    name: str
    business_date: date
    is_new: bool  # in the release in force, and not in the one that was reported; else the other way round


@dataclass(frozen=True)
class _Metric:
    metric: str
    kind: str
    movement: str | None
    numerator: str | None
    denominator: str | None
    contracts: list[str]


class Causes:
    """What differs between the release that was reported and the one in force."""

    def __init__(self, release: Published, reported: int, last_day: date) -> None:
        """`reported` is the number of the release that was reported; `last_day` that of the period."""
        self._release = release
        then, self._has_other_rules = release.connection.execute(
            """
            select build.build_id, build.model_fingerprint is distinct from now.model_fingerprint
            from ledger.release join ledger.build using (build_id)
            join ledger.build as now on now.build_id = %s
            where release_id = %s
            """,
            [release.build, reported],
        ).fetchone()
        with release.connection.cursor(row_factory=class_row(_Batch)) as cursor:
            self._batches = cursor.execute(
                """
                select batch.batch_id, batch.contract, delivery.name, batch.business_date,
                  bool_or(input.from_build <= %(now)s and coalesce(input.to_build > %(now)s, true)) as is_new
                from ledger.build_batch as input
                join ledger.batch using (batch_id)
                join ledger.delivery using (delivery_id)
                group by batch.batch_id, delivery.name
                having bool_or(input.from_build <= %(now)s and coalesce(input.to_build > %(now)s, true))
                  <> bool_or(input.from_build <= %(then)s and coalesce(input.to_build > %(then)s, true))
                order by batch.business_date, batch.batch_id
                """,
                {"then": then, "now": release.build},
            ).fetchall()
        with release.connection.cursor(row_factory=class_row(_Metric)) as cursor:
            metrics = cursor.execute(
                sql.SQL(
                    """
                    select metric.metric, metric.kind, metric.movement, metric.numerator, metric.denominator,
                      array(select distinct contract from {coverage} as coverage
                            where coverage.fact in (metric.fact, metric.fact || '_adjustment')) as contracts
                    from {metric} as metric
                    """
                ).format(
                    metric=sql.Identifier(release.schema, "figure_metric"),
                    coverage=sql.Identifier(release.schema, "figure_coverage"),
                )
            ).fetchall()
        self._metrics = {each.metric: each for each in metrics}
        self._moved = self._movements(last_day)
        self._members: dict[str, dict[str, str]] = {}

    def of(self, figure: Figure) -> list[str]:
        """The batches that changed this figure; where none can be told, all of its sources'. Changed rules come last."""
        moving = {batch for metric in self._parts(figure.metric) for batch in self._moving(metric, figure)}
        contracts = {each for metric in self._parts(figure.metric) for each in metric.contracts}
        feeding = [batch for batch in self._batches if batch.contract in contracts]
        named = [batch for batch in feeding if batch.batch_id in moving or not batch.is_new] or feeding
        told = [
            f"lô {batch.batch_id}: {batch.name} ({batch.contract}, ngày {day(batch.business_date)},"
            f" {'mới tính vào' if batch.is_new else 'không còn tính'})"
            for batch in named[:_NAMED]
        ]
        if len(named) > _NAMED:
            told.append(f"và {len(named) - _NAMED} lô khác")
        if self._has_other_rules or not named:
            told.append("cách tính hoặc danh mục đã thay đổi")
        return told

    def _parts(self, metric: str) -> Iterator[_Metric]:
        known = self._metrics[metric]
        if known.kind == "ratio":
            yield self._metrics[known.numerator]
            yield self._metrics[known.denominator]
        else:
            yield known

    def _moving(self, metric: _Metric, figure: Figure) -> Iterable[int]:
        """Batches that moved what this metric is made of, at the scope's agencies, in the days that it counts."""
        members = self._of_scope(figure.scope_code)
        for movement, agency, moved_on, batch in self._moved:
            if (
                movement == metric.movement
                and figure.level in ("all", members.get(agency))
                and agency in members
                and _counts(metric.kind, moved_on, figure)
            ):
                yield batch

    def _of_scope(self, scope: str) -> dict[str, str]:
        """The level of each agency that the scope counts."""
        if scope not in self._members:
            self._members[scope] = dict(
                self._release.connection.execute(
                    sql.SQL("select agency_code, agency_level from {} where scope_agency_code = %s").format(
                        sql.Identifier(self._release.schema, "figure_scope")
                    ),
                    [scope],
                ).fetchall()
            )
        return self._members[scope]

    def _movements(self, last_day: date) -> list[tuple[str, str, date, int]]:
        """What the new batches moved up to a day: movement, agency, day, batch."""
        new = [batch.batch_id for batch in self._batches if batch.is_new]
        connection = self._release.connection
        views = [
            name
            for (name,) in connection.execute(
                r"select relname from pg_class where relnamespace = 'warehouse'::regnamespace"
                r" and relkind in ('v', 'r') and relname like 'movement\_%'"
            )
        ]
        if not (new and views):
            return []
        query = sql.SQL(" union ").join(
            sql.SQL(
                "select metric, agency_code, movement_date, _batch_id from {}"
                " where _batch_id = any(%(new)s) and movement_date <= %(last)s"
            ).format(sql.Identifier("warehouse", view))
            for view in views
        )
        return connection.execute(query, {"new": new, "last": last_day}).fetchall()


def _counts(kind: str, moved_on: date, figure: Figure) -> bool:
    """Whether a movement of this day is in a figure of this kind."""
    if kind == "opening_stock":
        return moved_on < figure.first_day
    if kind == "year_to_date":
        return figure.last_day.replace(month=1, day=1) <= moved_on <= figure.last_day
    if "stock" in kind:
        return moved_on <= figure.last_day
    return figure.first_day <= moved_on <= figure.last_day
