"""`kho form`: statutory forms, to be read, printed and handed in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kho.cli.figures import Scheme
from kho.cli.output import fail, print_csv
from kho.cli.papers import keep

if TYPE_CHECKING:
    from kho.forms.form import Form


class Code(StrEnum):
    settlement = "II.06"
    inventory = "II.07b"
    scores = "766"

    @property
    def paper(self) -> str:
        """Its exposure."""
        return f"form_{self.value.replace('.', '_')}"


class Format(StrEnum):
    table = "table"
    xlsx = "xlsx"
    docx = "docx"
    csv = "csv"


def form(
    code: Annotated[
        Code,
        typer.Argument(
            help="II.06: dossiers received, resolved and pending; II.07b: procedures by level (TT 01/2020/TT-VPCP). 766: the"
            " score of a unit's service (QĐ 766/QĐ-TTg), of a month, quarter or year of the calendar."
        ),
    ],
    scope: Annotated[
        str, typer.Argument(help="Agency or unit code (946, H51.12, 31663), or an unambiguous name.")
    ],
    period: Annotated[str, typer.Argument(help="2021, 2021-H1, 2021-9M, 2021-Q2, 2021-06 or from..to.")],
    scheme: Annotated[
        Scheme, typer.Option(help="administrative: 15th to 14th (NĐ 09/2019); calendar: 1st to last.")
    ] = Scheme.administrative,
    parameters: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Set of parameters to judge by; default: that of the period's report, else `default`.",
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="Here, as a workbook, for Word, or as csv.")] = Format.table,
    out: Annotated[
        Path | None,
        typer.Option(help="The file for xlsx and docx; default: one in `reports` in Kho's own folder."),
    ] = None,
    reported_by: Annotated[
        str | None,
        typer.Option(metavar="POSITION", help="Hand it in: keep it as reported by this position. No names."),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Write it as it was handed in, not as it is now.")
    ] = None,
) -> None:
    """Write a statutory form from the release in force.

    Without `--reported-by` it is a draft and says so. What was handed in never changes; handing it in again with other
    numbers makes the next version. Which set of parameters counted it stands on it: `docs/forms.md` says what
    they mean.
    """
    from kho import events
    from kho.events import papers
    from kho.figures.figures import NoRelease, UnknownPeriod, UnknownScope
    from kho.figures.settlement import UnknownParameters
    from kho.forms import inventory, scores, settlement
    from kho.forms.issues import UnknownIssue, hand_in, issued
    from kho.settings import settings

    if reported_by is not None and not reported_by.strip():
        raise typer.BadParameter("name a position", param_hint="--reported-by")
    if code is Code.scores and parameters:
        raise typer.BadParameter("QĐ 766 has its own: scoring_metrics.csv", param_hint="--parameters")
    kind = "calendar" if code is Code.scores else scheme.value
    if version and (reported_by or parameters):
        raise typer.BadParameter("this version was handed in already, as it is", param_hint="--version")
    try:
        if version:
            found = issued(settings(), code.value, scope, period, kind, version)
        else:
            if code is Code.scores:
                found = scores.draft(settings(), scope, period)
            else:
                draft = {Code.settlement: settlement.draft, Code.inventory: inventory.draft}[code]
                found = draft(settings(), scope, period, kind, parameters)
            if reported_by:
                with events.run(settings(), code.paper, tell=papers.of(settings(), code.paper)):
                    found = hand_in(settings(), found, reported_by)
    except (UnknownScope, UnknownPeriod, UnknownParameters) as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except (NoRelease, UnknownIssue, settlement.BrokenForm) as error:
        fail(str(error))
    match format:
        case Format.table:
            _table(found)
        case Format.csv:
            _csv(found)
        case _:
            _file(found, period, format, out)


def _file(form: Form, period: str, format: Format, out: Path | None) -> None:
    from kho.settings import settings

    if format is Format.xlsx:
        from kho.forms.workbook import render
    else:
        from kho.forms.word import render
    state = f"v{form.issue.version}" if form.issue else "draft"
    name = f"form_{form.code}_{form.scope_code}_{period.upper().replace('..', '_')}_{state}.{format.value}"
    typer.echo(keep(settings(), name, render(form), out))
    for notice in form.notices:
        typer.echo(f"Note: {notice}")


def _csv(form: Form) -> None:
    columns = [f"column_{number}" for number in range(3, form.width + 3)]
    rows = (
        [
            form.code, form.scope_code, form.first_day, form.last_day, form.parameter_set, form.release,
            section.title, line.title, *("" if count is None else count for count in line.counts), line.note,
        ]
        for section in form.sections
        for line in section.lines
    )  # fmt: skip
    head = ["form", "scope", "first_day", "last_day", "parameters", "release", "section", "row"]
    print_csv([*head, *columns, "note"], rows)


def _table(form: Form) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from kho.forms import printed

    table = Table(
        title="\n".join(printed.title_lines(form)),
        caption="\n".join(printed.foot_lines(form)),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("")
    table.add_column(form.subject, min_width=20)
    for place, title in enumerate(_leaves(form), start=3):
        table.add_column(f"{title}\n({place})", justify="right")
    for section in form.sections:
        table.add_section()
        table.add_row("", f"[bold]{section.title}[/bold]")
        for line in section.lines:
            counts = map(printed.cell, line.counts)
            title = f"{line.title}\n[italic dim]{line.note}[/italic dim]" if line.note else line.title
            table.add_row(line.ordinal, title, *counts, style="bold" if line.is_total else "")
    Console().print(table)


def _leaves(form: Form) -> list[str]:
    """The titles of the columns of numbers, from left to right; the first below a head begins with that."""
    from kho.forms import printed

    places = printed.heads(form)
    lowest = printed.height(form) - 1
    leaves = sorted(
        (each for each in places if each.bottom == lowest and each.left >= 2), key=lambda each: each.left
    )
    return [
        "\n".join(above.title for above in places if above.left == leaf.left and above.top <= leaf.top)
        for leaf in leaves
    ]
