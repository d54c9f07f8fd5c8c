"""Why a figure is another one in a later release: the batches that came, or went, in between."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from psycopg import sql

from kho.figures.figures import Figure, Published
from kho.figures.kinds import Metric, metrics
from kho.ledger import reports
from kho.ledger.reports import ChangedBatch


@dataclass(frozen=True)
class Cause:
    """Why one figure is another one. `is_by_rules`: also, or only, because figures are counted in another way."""

    batches: list[ChangedBatch]
    is_by_rules: bool


class Causes:
    """What differs between the release that was reported and the one in force."""

    def __init__(self, release: Published, report_id: int, last_day: date) -> None:
        """`report_id` is the report that was handed over; `last_day` that of its period."""
        self._release = release
        self._has_other_rules = reports.has_other_rules(release.connection, report_id, release.build)
        self._batches = reports.changed_batches(release.connection, report_id, release.build)
        self._metrics = metrics(release)
        self._moved = self._movements(last_day)
        self._members: dict[str, dict[str, str]] = {}

    def of(self, figure: Figure) -> Cause:
        """The batches that changed this figure; where none can be told, all of its sources'."""
        parts = [self._metrics[name] for name in self._metrics[figure.metric].parts.values()]
        moving = {batch for metric in parts for batch in self._moving(metric, figure)}
        contracts = {each for metric in parts for each in (*metric.sources, *metric.adjusted_by)}
        feeding = [batch for batch in self._batches if batch.contract in contracts]
        named = [batch for batch in feeding if batch.batch_id in moving or not batch.is_new] or feeding
        return Cause(named, self._has_other_rules or not named)

    def _moving(self, metric: Metric, figure: Figure) -> Iterable[int]:
        """Batches that moved what this metric is made of, at the scope's agencies, in the days that it counts."""
        members = self._of_scope(figure.scope_code)
        first, last = metric.days(figure.first_day, figure.last_day)
        for movement, agency, moved_on, batch in self._moved:
            if (
                movement == metric.movement
                and figure.level in ("all", members.get(agency))
                and agency in members
                and first <= moved_on <= last
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
        if not new:
            return []
        return self._release.connection.execute(
            sql.SQL(
                "select distinct metric, agency_code, movement_date, batch_id from {}"
                " where batch_id = any(%s) and movement_date <= %s"
            ).format(sql.Identifier(self._release.schema, "figure_row")),
            [new, last_day],
        ).fetchall()
