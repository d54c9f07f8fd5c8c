"""`kho figures`: the figures of a report."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kho.figures.figures import Figure, FigureSet

COLUMNS = (
    "metric", "level", "detail", "value", "unit", "state",
    "measured_value", "numerator", "denominator", "as_of", "covered_from", "covered_to", "release",
)  # fmt: skip

#: what a table folds into one line: that a figure can't be there is told once
NOT_HERE = ("not_operated", "not_applicable")


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
    units_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="Restate them for the agency as it is on this day: 2025-07-01.",
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC", help="Show the rows that this figure counts, with their file and row."
        ),
    ] = None,
    show_all: Annotated[
        bool,
        typer.Option(
            "--all",
            help="In the table also what nobody here operates, and what does not apply, line by line.",
        ),
    ] = False,
) -> None:
    """Show the figures of an agency and those below it, from the release in force."""
    from kho.figures.figures import NoRelease, UnknownPeriod, UnknownScope, figure_set
    from kho.figures.restated import NotRestatable, restated
    from kho.settings import settings

    if explain and units_of:
        typer.echo(
            "rows are those of the units of their time: ask for --explain without --units-of, of these units",
            err=True,
        )
        raise typer.Exit(2)
    if explain:
        _explain(scope, period, explain, scheme.value, format.value)
        return
    try:
        found = (
            restated(settings(), scope, period, units_of.date(), scheme.value)
            if units_of
            else figure_set(settings(), scope, period, scheme.value)
        )
    except (UnknownScope, UnknownPeriod) as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except (NoRelease, NotRestatable) as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    if format is Format.table:
        _table(found, show_all=show_all)
    else:
        {Format.csv: _csv, Format.json: _json}[format](found)


def _explain(scope: str, period: str, metric: str, scheme: Scheme, output_format: str) -> None:
    from kho.cli.explain import show
    from kho.figures import explain
    from kho.figures.figures import NoRelease, UnknownPeriod, UnknownScope
    from kho.settings import settings

    try:
        found = explain.explain(settings(), scope, period, metric, scheme)
    except (UnknownScope, UnknownPeriod, explain.UnknownMetric) as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except NoRelease as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    show(found, output_format)


def _csv(found: FigureSet) -> None:
    from kho.cli.output import print_csv

    stated = _stated(found)
    rows = ([*(_plain(figure, column) for column in COLUMNS), *stated.values()] for figure in found.figures)
    print_csv([*COLUMNS, *stated], rows)


def _json(found: FigureSet) -> None:
    import json
    import sys

    stated = _stated(found)
    rows = [
        {column: _jsonable(getattr(figure, column)) for column in COLUMNS} | stated
        for figure in found.figures
    ]
    json.dump(rows, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def _stated(found: FigureSet) -> dict[str, str]:
    """What restated figures say beside each number: in the units of which day, and what these were made of."""
    if not found.units_of:
        return {}
    return {"units_of": found.units_of.isoformat(), "made_of": "; ".join(found.made_of)}


def _table(found: FigureSet, *, show_all: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from kho.report import vietnamese
    from kho.report.vietnamese import notes, number

    levels = vietnamese.levels(found.scope_name, {figure.level for figure in found.figures})
    table = Table(
        title=f"{found.scope_name} ({found.scope_code}), {found.first_day:%d/%m/%Y} – {found.last_day:%d/%m/%Y}",
        caption="\n".join(
            filter(
                None,
                [vietnamese.restatement(found), vietnamese.judged(found), f"bản phát hành {found.release}"],
            )
        ),
        box=box.SIMPLE_HEAD,
    )
    table.add_column("Chỉ tiêu")
    for title in levels.values():
        table.add_column(title, justify="right", no_wrap=True)
    lines: dict[tuple[str, str], dict[str, Figure]] = {}
    for figure in found.figures:
        lines.setdefault((figure.metric, figure.detail), {})[figure.level] = figure
    # The whole of a metric first, whatever levels its details have.
    ordinals = {metric: place for place, metric in enumerate(dict.fromkeys(metric for metric, _ in lines))}
    folded: Counter[str] = Counter()
    for (_, detail), by_level in sorted(lines.items(), key=lambda line: (ordinals[line[0][0]], line[0][1])):
        first = next(iter(by_level.values()))
        states = {figure.state for figure in by_level.values()}
        if not show_all and states <= {*NOT_HERE}:
            folded[min(states, key=NOT_HERE.index)] += 1
            continue
        title = Text.assemble(
            first.detail_title if detail else first.title, (f" ({first.unit_title})", "dim")
        )
        if told := notes(by_level, levels):
            title.append(f"\n{told}", "italic dim")
        table.add_row(
            Padding(title, (0, 0, 0, 2 if detail else 0)),
            *(
                number(by_level[level].value, by_level[level].unit) if level in by_level else ""
                for level in levels
            ),
        )
    if folded:
        counts = "; ".join(
            f"{folded[state]} chỉ tiêu {vietnamese.STATES[state]}" for state in NOT_HERE if folded[state]
        )
        table.add_section()
        table.add_row(Text(f"{counts} (xem từng dòng: --all)", "italic dim"))
    Console().print(table)


def _plain(figure: Figure, column: str) -> str:
    value = getattr(figure, column)
    if value is None:
        return ""
    if isinstance(value, Decimal):
        is_percent = figure.unit == "percent" and column in ("value", "measured_value")
        return f"{value:.2f}" if is_percent or value % 1 else f"{value:.0f}"
    return str(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
