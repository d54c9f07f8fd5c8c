"""`kho report`: the report of a province, district, commune or department, to be read, edited and signed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kho.cli.figures import Scheme
from kho.cli.output import fail
from kho.cli.papers import keep

if TYPE_CHECKING:
    from kho.report.content import Content

PAPER = "report_on_information_technology"  # its exposure


class Format(StrEnum):
    docx = "docx"
    xlsx = "xlsx"
    html = "html"
    json = "json"


def report(
    scope: Annotated[
        str, typer.Argument(help="Agency or unit code (946, H51.12, 31663), or an unambiguous name.")
    ],
    period: Annotated[str, typer.Argument(help="2021, 2021-H1, 2021-9M, 2021-Q2, 2021-06 or from..to.")],
    scheme: Annotated[
        Scheme, typer.Option(help="calendar: 1st to last; administrative: 15th to 14th (NĐ 09/2019).")
    ] = Scheme.calendar,
    format: Annotated[
        Format, typer.Option(help="Word, a workbook, a page, or the same for programs.")
    ] = Format.docx,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default: one in `reports` in Kho's own folder.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option(help="A template of your own for Word, made from Kho's.")
    ] = None,
    reported_by: Annotated[
        str | None,
        typer.Option(
            metavar="POSITION", help="Hand it over: keep its figures as reported by this position. No names."
        ),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Write it as it was handed over, not as it is now.")
    ] = None,
) -> None:
    """Write the half-yearly report on the use of information technology.

    Without `--reported-by` it is a draft and says so. What was handed over never changes: a draft of the same period
    tells what differs from it, and handing it over again makes the next version.
    """
    from kho import events
    from kho.events import papers
    from kho.figures.figures import NoRelease, UnknownPeriod, UnknownScope
    from kho.report.draft import draft
    from kho.report.issues import UnknownIssue, hand_over, issued
    from kho.settings import settings

    if template and format is not Format.docx:
        raise typer.BadParameter("a template is for Word: leave out --format", param_hint="--template")
    if reported_by is not None and not reported_by.strip():
        raise typer.BadParameter("name a position", param_hint="--reported-by")
    if version and reported_by:
        raise typer.BadParameter("this version was handed over already", param_hint="--version")
    try:
        if version:
            content = issued(settings(), scope, period, scheme.value, version)
        else:
            content = draft(settings(), scope, period, scheme.value)
        written = _written(content, format, template)
        if reported_by:
            with events.run(settings(), PAPER, tell=papers.of(settings(), PAPER)):
                content = hand_over(settings(), content, reported_by)
            written = _written(content, format, template)
    except (UnknownScope, UnknownPeriod) as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    except (NoRelease, UnknownIssue) as error:
        fail(str(error))
    typer.echo(keep(settings(), _file_name(content, period, format), written, out))
    _tell(content)


def _written(content: Content, format: Format, template: Path | None) -> bytes:
    match format:
        case Format.json:
            import msgspec

            from kho.report.issues import encode

            return msgspec.json.format(encode(content), indent=2)
        case Format.html:
            from kho.report.page import render

            return render(content).encode()
        case Format.xlsx:
            from kho.report.workbook import render

            return render(content)
        case Format.docx:
            from kho.report.word import WrongTemplate, render

            try:
                return render(content, template)
            except WrongTemplate as error:
                fail(str(error))


def _file_name(content: Content, period: str, format: Format) -> str:
    state = f"v{content.issue.version}" if content.issue else "draft"
    code = content.unit_code or content.scope_code
    return f"report_{code}_{period.upper().replace('..', '_')}_{state}.{format.value}"


def _tell(content: Content) -> None:
    """What the reader of the report should know before handing it on."""
    if content.issue:
        issue = content.issue
        typer.echo(
            f"Version {issue.version}, reported by {issue.reported_by} on {issue.reported_at:%Y-%m-%d}"
            f" from release {issue.release}."
        )
    else:
        typer.echo(f"A draft from release {content.release}: --reported-by hands it over.")
    if content.revisions and content.earlier:
        typer.echo(f"{len(content.revisions)} figures differ from version {content.earlier.version}.")
    for notice in content.notices:
        typer.echo(f"Note: {notice}")
