"""What the half-yearly report on the use of information technology says, before it is written in any format.

Texts are Vietnamese and numbers are printed already; beside each printed number stands the figure that it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from kho.figures.figures import Figure, State
from kho.ledger import freshness
from kho.ledger.reports import Key
from kho.report import vietnamese
from kho.report.outline import AreaOutline, BreakdownOutline, outline
from kho.report.sentences import paragraphs


@dataclass(frozen=True)
class Cell:
    """A figure as it is printed. `value` is None where there is none: `text` then says why."""

    text: str
    value: Decimal | None
    state: State | None
    figure: Figure | None


@dataclass(frozen=True)
class Line:
    """A line of an area's table: one metric, or one detail of it, with a cell for each level of the report."""

    metric: str
    title: str
    unit_title: str
    is_detail: bool
    cells: list[Cell]
    note: str


@dataclass(frozen=True)
class Series:
    """One figure over the labels of a breakdown."""

    title: str
    cells: list[Cell]


@dataclass(frozen=True)
class Breakdown:
    """Figures by unit or by month: one table, and one chart. `codes` are those of the units or of the months."""

    title: str
    by: Literal["unit", "month"]
    unit_title: str
    labels: list[str]
    codes: list[str]
    series: list[Series]


@dataclass(frozen=True)
class Area:
    """What the report tells of one area."""

    key: str
    title: str
    paragraphs: list[str]
    lines: list[Line]
    breakdowns: list[Breakdown]


@dataclass(frozen=True)
class HeldBatch:
    """A delivery that the release was made without."""

    batch_id: int
    business_date: date


@dataclass(frozen=True)
class Source:
    """A source that the report's figures are counted from, as the release has it. `title` is its system's name.

    `is_lacked` says that figures of the period are incomplete for want of it. Its contract and its counts are for the
    operator, and for programs: officials read `Content.systems`.
    """

    contract: str
    title: str
    state: freshness.State
    is_lacked: bool
    as_of: date | None
    expected_as_of: date | None
    rows_in_file: int
    rows_loaded: int
    rows_rejected: int
    rows_skipped: int
    held: list[HeldBatch]


@dataclass(frozen=True)
class System:
    """A system that the report's figures are counted from, in an official's words: all its sources as one.

    `held` are the days of what was handed over and waits to be looked at.
    """

    title: str
    state: Literal["fresh", "stale", "not_delivered"]
    is_lacked: bool
    as_of: date | None
    held: list[date]


@dataclass(frozen=True)
class Definition:
    """What a metric means. `sources` are the names of systems."""

    metric: str
    title: str
    unit_title: str
    meaning: str
    numerator: str
    denominator: str
    sources: list[str]


@dataclass(frozen=True)
class Revision:
    """A figure that is another one now than when it was reported. `because` are the batches that changed it."""

    title: str
    figure: Figure
    reported: Decimal | None
    reported_text: str
    now_text: str
    because: list[str]


@dataclass(frozen=True)
class Issue:
    """That the figures were reported: the how-manieth report of this scope and period, by which position, when."""

    version: int
    reported_by: str
    reported_at: datetime
    release: int


@dataclass(frozen=True)
class Content:
    """The report of a scope and a period from one release.

    `issue` says that it was reported; a draft has none. `earlier` is the newest issue of the same scope and period
    that it is compared with, `revisions` are the figures that differ from it. `notices` belong on the first page.
    """

    title: str
    issuer: str
    parent_name: str
    place: str
    scope_code: str
    unit_code: str
    scope_name: str
    first_day: date
    last_day: date
    period_title: str
    release: int
    business_date: date
    issue: Issue | None
    earlier: Issue | None
    notices: list[str]
    levels: list[str]
    areas: list[Area]
    remarks: list[str]
    revisions: list[Revision]
    sources: list[Source]
    definitions: list[Definition]

    @property
    def is_draft(self) -> bool:
        return self.issue is None

    @property
    def systems(self) -> list[System]:
        """The sources by system, in the order of their names."""
        by_title: dict[str, list[Source]] = {}
        for source in sorted(self.sources, key=lambda each: each.title):
            by_title.setdefault(source.title, []).append(source)
        return [_system(title, parts) for title, parts in by_title.items()]

    @property
    def standing(self) -> str:
        """Whether these are reported figures, in a line."""
        if self.issue is None:
            return f"DỰ THẢO, theo bản phát hành {self.release}, số liệu đến hết ngày {vietnamese.day(min(self.business_date, self.last_day))}"
        return (
            f"Báo cáo lần {self.issue.version}, do {self.issue.reported_by} báo cáo ngày"
            f" {vietnamese.day(self.issue.reported_at)}, theo bản phát hành {self.issue.release}"
        )


def _system(title: str, parts: list[Source]) -> System:
    """The day is the first after which something lacks, or else the newest that was told of."""
    lacking = [each for each in parts if each.state != "fresh"]
    days = [each.as_of for each in lacking or parts if each.as_of]
    is_absent = all(each.state == "not_delivered" for each in parts)
    return System(
        title,
        "not_delivered" if is_absent else "stale" if lacking else "fresh",
        any(each.is_lacked for each in parts),
        (min(days) if lacking else max(days)) if days else None,
        sorted({batch.business_date for each in parts for batch in each.held}),
    )


def key(figure: Figure) -> Key:
    return figure.scope_code, figure.first_day, figure.last_day, figure.metric, figure.level, figure.detail


def printed_figures(content: Content) -> dict[Key, tuple[str, Figure]]:
    """Every figure of the report once, with what it is called where it stands first."""
    found: dict[Key, tuple[str, Figure]] = {}
    for area in content.areas:
        for line in area.lines:
            for level, cell in zip(content.levels, line.cells, strict=True):
                if figure := cell.figure:
                    parts = [figure.title, figure.detail_title, level.lower()]
                    found.setdefault(key(figure), (", ".join(part for part in parts if part), figure))
        for breakdown in area.breakdowns:
            for series in breakdown.series:
                for label, cell in zip(breakdown.labels, series.cells, strict=True):
                    if figure := cell.figure:
                        found.setdefault(key(figure), (f"{series.title}, {label}", figure))
    return found


@dataclass(frozen=True)
class Label:
    """A unit or a month of a breakdown, with its figures by metric."""

    title: str
    code: str
    figures: dict[str, Figure]


def areas(
    figures: list[Figure], units: list[Label], months: list[Label], levels: dict[str, str]
) -> list[Area]:
    """The areas of which the release has figures. `levels` are the titles of the levels, in their order."""
    made = (_area(each, figures, units, months, levels) for each in outline())
    return [area for area in made if area.lines]


def _area(
    wanted: AreaOutline,
    figures: list[Figure],
    units: list[Label],
    months: list[Label],
    levels: dict[str, str],
) -> Area:
    by_metric: dict[str, dict[str, dict[str, Figure]]] = {}
    for figure in figures:
        by_metric.setdefault(figure.metric, {}).setdefault(figure.detail, {})[figure.level] = figure
    known = [metric for metric in wanted.metrics if metric in by_metric]
    return Area(
        wanted.key,
        wanted.title,
        paragraphs(wanted.says, by_metric, list(levels)),
        [_line(parts, levels) for metric in known for _, parts in sorted(by_metric[metric].items())],
        [
            made
            for each in wanted.breakdowns
            if (made := _breakdown(each, units if each.by == "unit" else months))
        ],
    )


def _line(parts: dict[str, Figure], levels: dict[str, str]) -> Line:
    first = next(iter(parts.values()))
    return Line(
        first.metric,
        first.detail_title if first.detail else first.title,
        first.unit_title,
        bool(first.detail),
        [_cell(parts.get(level)) for level in levels],
        # A cell without a value says itself why.
        vietnamese.notes({level: each for level, each in parts.items() if each.value is not None}, levels),
    )


def _breakdown(wanted: BreakdownOutline, labels: Iterable[Label]) -> Breakdown | None:
    """None where there is not one value to show."""
    labels = list(labels)
    series, first = [], None
    for metric in wanted.metrics:
        cells = [_cell(label.figures.get(metric)) for label in labels]
        known = [cell.figure for cell in cells if cell.figure]
        if any(cell.value is not None for cell in cells):
            first = first or known[0]
            series.append(Series(known[0].title, cells))
    if not first:
        return None
    return Breakdown(
        wanted.title,
        wanted.by,
        first.unit_title,
        [label.title for label in labels],
        [label.code for label in labels],
        series,
    )


def _cell(figure: Figure | None) -> Cell:
    if figure is None:
        return Cell("", None, None, None)
    return Cell(vietnamese.printed(figure), figure.value, figure.state, figure)
