"""What each figure counts, and when: its kind, as the seed `metric_kinds` defines it and the release has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from psycopg import sql
from psycopg.rows import class_row

from kho.figures.figures import Published

#: which days' movements count in a period; those of `within_year` begin with the year that the period ends in
Reach = Literal["within", "within_year", "until_end", "until_start"]
CountedOnce = Literal["per_level", "over_all"]
#: what a figure is to the one that is made of it
Role = Literal["counted", "numerator", "denominator"]


@dataclass(frozen=True)
class Metric:
    """A figure that reports know. A ratio has a numerator and a denominator, but no `movement` and no `reach`.

    `counted_once` says that keys are counted, not rows. `sources` are the contracts that it is counted from,
    `adjusted_by` those whose signed adjustments bear on it.
    """

    metric: str
    title: str
    unit_title: str
    kind_title: str
    movement: str | None
    reach: Reach | None
    counted_once: CountedOnce | None
    numerator: str | None
    denominator: str | None
    divisor: int | None
    sources: list[str]
    adjusted_by: list[str]

    @property
    def parts(self) -> dict[Role, str]:
        """The figures that rows are counted for: itself, or those that a ratio is made of."""
        if self.numerator and self.denominator:
            return {"numerator": self.numerator, "denominator": self.denominator}
        return {"counted": self.metric}

    def days(self, first_day: date, last_day: date) -> tuple[date, date]:
        """The first and the last day whose movements count in this period. A ratio has none: `ValueError`."""
        match self.reach:
            case "within":
                return first_day, last_day
            case "within_year":
                return last_day.replace(month=1, day=1), last_day
            case "until_end":
                return date.min, last_day
            case "until_start":
                return date.min, first_day - timedelta(days=1)
            case None:
                raise ValueError(f"{self.metric} is made of other figures, not of movements")


def metrics(release: Published) -> dict[str, Metric]:
    """Every figure that the release knows, by its name, in the order of a report."""
    query = sql.SQL(
        """
        select metric.metric, metric.title, metric.unit_title, metric.kind_title, metric.movement, metric.reach,
          metric.counted_once, metric.numerator, metric.denominator, metric.divisor,
          array(select distinct contract from {coverage} where fact = metric.fact order by contract) as sources,
          array(select distinct contract from {coverage} where fact = metric.fact || '_adjustment' order by contract)
            as adjusted_by
        from {metric} as metric order by metric.ordinal
        """
    ).format(
        metric=sql.Identifier(release.schema, "figure_metric"),
        coverage=sql.Identifier(release.schema, "figure_coverage"),
    )
    with release.connection.cursor(row_factory=class_row(Metric)) as cursor:
        return {each.metric: each for each in cursor.execute(query)}
