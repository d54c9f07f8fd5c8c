"""What differs between a report as it was handed over and what the release in force says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from kho.figures.causes import Cause, Causes
from kho.figures.figures import Figure, Published
from kho.ledger import reports
from kho.ledger.reports import ChangedBatch
from kho.report.content import Area, Content, Line, Revision, key, printed_figures
from kho.report.issues import newest
from kho.report.sources import system_titles
from kho.report.vietnamese import day, printed, quantity

#: what changed one figure; more is counted, not named
_NAMED = 5


def compared(release: Published, content: Content) -> Content:
    """The content with the newest issue of its scope and period, and every figure that is another one now.

    Metrics that were not reported then have nothing to be compared with.
    """
    before = newest(release.connection, content.scope_code, content.first_day, content.last_day)
    if not before:
        return content
    issue, report_id = before
    reported = reports.values(release.connection, report_id)
    metrics = {metric for _, _, _, metric, _, _ in reported}
    changed = [
        (title, figure, was)
        for name, (title, figure) in printed_figures(content).items()
        if figure.metric in metrics and (was := reported.get(name, _unmoved(figure))) != figure.value
    ]
    if not changed:
        return replace(content, earlier=issue)
    causes, systems = Causes(release, report_id, content.last_day), system_titles(release)
    revisions = [
        Revision(
            title,
            figure,
            was,
            quantity(was, figure.unit),
            printed(figure),
            _because(causes.of(figure), systems),
        )
        for title, figure, was in changed
    ]
    return replace(content, earlier=issue, revisions=revisions, areas=_noted(content.areas, revisions))


def _unmoved(figure: Figure) -> Decimal | None:
    """What a figure was that no line told of: a detail in which nothing moved is 0."""
    return Decimal(0) if figure.detail else None


def _because(cause: Cause, systems: Mapping[str, str]) -> list[str]:
    """What changed a figure, in an official's words: what was handed over or taken back, and changed rules after it."""
    each = list(dict.fromkeys(_named(batch, systems) for batch in cause.batches))
    told = each[:_NAMED]
    if len(each) > _NAMED:
        told.append(f"và {len(each) - _NAMED} lần gửi khác")
    if cause.is_by_rules:
        told.append("cách tính hoặc danh mục đã thay đổi")
    return told


def _named(batch: ChangedBatch, systems: Mapping[str, str]) -> str:
    change = "mới tính vào" if batch.is_new else "không còn tính"
    system = systems.get(batch.contract, "nguồn đã ngừng")  # its contract may be gone
    return f"số liệu của {system} ngày {day(batch.business_date)} {change}"


def _noted(areas: list[Area], revisions: Iterable[Revision]) -> list[Area]:
    """The areas with "reported X, now Y" beside each line that differs."""
    by_key = {key(revision.figure): revision for revision in revisions}

    def noted(line: Line) -> Line:
        told = [line.note] if line.note else []
        for cell in line.cells:
            if cell.figure and (revision := by_key.get(key(cell.figure))):
                told.append(f"đã báo cáo {revision.reported_text}, nay {revision.now_text}")
        return replace(line, note="; ".join(told))

    return [replace(area, lines=[noted(line) for line in area.lines]) for area in areas]
