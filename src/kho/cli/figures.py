"""`kho figures`: the figures of a report."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kho.report.figures import Figure, Report

COLUMNS = (
    "metric", "level", "detail", "value", "unit", "state",
    "measured_value", "numerator", "denominator", "as_of", "release",
)  # fmt: skip
LEVELS = {"all": "Toàn huyện", "district": "Cấp huyện", "commune": "Cấp xã"}
STATES = {
    "measured": "",
    "stale": "số liệu chưa đủ",
    "not_delivered": "chưa có số liệu",
    "not_operated": "không vận hành",
}


class Scheme(StrEnum):
    calendar = "calendar"
    administrative = "administrative"


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


def figures(
    scope: Annotated[
        str, typer.Argument(help="Agency or unit code (946, H51.12, 31663), or an unambiguous name.")
    ],
    period: Annotated[str, typer.Argument(help="2021, 2021-H1, 2021-9M, 2021-Q2, 2021-06 or from..to.")],
    scheme: Annotated[
        Scheme, typer.Option(help="calendar: 1st to last; administrative: 15th to 14th (NĐ 09/2019).")
    ] = Scheme.calendar,
    format: Annotated[Format, typer.Option(help="How to print them.")] = Format.table,
) -> None:
    """Show the figures of an agency and those below it, from the release in force."""
    from kho.report.figures import NoRelease, UnknownPeriod, UnknownScope, report
    from kho.settings import settings

    try:
        found = report(settings(), scope, period, scheme.value)
    except (UnknownScope, UnknownPeriod) as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except NoRelease as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    {Format.csv: _csv, Format.json: _json, Format.table: _table}[format](found)


def _csv(report: Report) -> None:
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_plain(figure, column) for column in COLUMNS] for figure in report.figures)


def _json(report: Report) -> None:
    import json
    import sys

    rows = [{column: _jsonable(getattr(figure, column)) for column in COLUMNS} for figure in report.figures]
    json.dump(rows, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def _table(report: Report) -> None:
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    levels = [level for level in LEVELS if any(figure.level == level for figure in report.figures)]
    table = Table(
        title=f"{report.scope_name} ({report.scope_code}), {report.first_day:%d/%m/%Y} – {report.last_day:%d/%m/%Y}",
        caption=f"bản phát hành {report.release}",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("Chỉ tiêu")
    for level in levels:
        table.add_column(LEVELS[level], justify="right", no_wrap=True)
    lines: dict[tuple[str, str], dict[str, Figure]] = {}
    for figure in report.figures:
        lines.setdefault((figure.metric, figure.detail), {})[figure.level] = figure
    # The whole of a metric first, whatever levels its details have.
    ordinals = {metric: place for place, metric in enumerate(dict.fromkeys(metric for metric, _ in lines))}
    for (_, detail), by_level in sorted(lines.items(), key=lambda line: (ordinals[line[0][0]], line[0][1])):
        first = next(iter(by_level.values()))
        title = Text.assemble(
            first.detail_title if detail else first.title, (f" ({first.unit_title})", "dim")
        )
        if notes := _notes(by_level):
            title.append(f"\n{notes}", "italic dim")
        table.add_row(
            Padding(title, (0, 0, 0, 2 if detail else 0)),
            *(_vietnamese(by_level[level]) if level in by_level else "" for level in levels),
        )
    Console().print(table)


def _notes(by_level: dict[str, Figure]) -> str:
    notes: dict[str, list[str]] = {}
    for level, figure in by_level.items():
        if note := _note(figure):
            notes.setdefault(note, []).append(LEVELS[level].lower())
    if len(notes) == 1 and len(by_level) == len(next(iter(notes.values()))):
        return next(iter(notes))
    return "; ".join(f"{', '.join(levels)}: {note}" for note, levels in notes.items())


def _note(figure: Figure) -> str:
    if figure.state == "attested":
        return f"phần mềm {_vietnamese(figure, figure.measured_value)}, đã xác nhận"
    if figure.state == "stale" and figure.as_of:
        return f"số liệu mới đến {figure.as_of:%d/%m/%Y}"
    return STATES[figure.state]


def _vietnamese(figure: Figure, value: Decimal | None = None) -> str:
    """1234 as 1.234, 12.5 percent as 12,50; a dash for no value."""
    value = figure.value if value is None else value
    if value is None:
        return "–"
    text = f"{value:,.2f}" if figure.unit == "percent" else f"{value:,.0f}"
    return text.translate(str.maketrans(",.", ".,"))


def _plain(figure: Figure, column: str) -> str:
    value = getattr(figure, column)
    if value is None:
        return ""
    if isinstance(value, Decimal):
        is_percent = figure.unit == "percent" and column in ("value", "measured_value")
        return f"{value:.2f}" if is_percent else f"{value:.0f}"
    return str(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
