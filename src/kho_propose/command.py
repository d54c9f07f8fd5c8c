"""`kho source new`: a contract, a staging model and a fixture proposed from sample files."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kho.cli.output import OF_CALLER, fail, umask, wide_console

if TYPE_CHECKING:
    from kho_propose.proposal import Proposal, Question
    from kho_propose.write import Written


def new(
    name: Annotated[
        str, typer.Argument(help="Name of the source: `<system>.<entity>`, as land.certificates.")
    ],
    sample: Annotated[
        list[str],
        typer.Option(
            "--from", help="A file, a folder, a pattern or an http(s) URL. May be given several times."
        ),
    ],
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Ask nothing: what is open stays open in the contract.")
    ] = False,
) -> None:
    """Propose a contract, a staging model and a fixture from sample files of an export.

    Several files tell more than one: how often they come, whether each holds the whole list. What they don't tell is
    asked, or left as an open question in the contract. The contract is a draft, which nights leave alone: read it
    through, try it with `kho source check NAME`, look at what its model makes of a file with `kho source build NAME`, then
    set its status to `active`. docs/contracts-by-kind.md has a whole contract of each kind.
    """
    import tempfile

    from kho.settings import settings
    from kho_propose.detect import CannotPropose
    from kho_propose.infer import propose
    from kho_propose.samples import gather, without_secrets
    from kho_propose.write import expect_free, places, write

    here = settings()
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}\.[a-z][a-z0-9_]{0,40}", name):
        raise typer.BadParameter(f"'{name}': write <system>.<entity> in a-z, 0-9 and _", param_hint="NAME")
    try:
        expect_free(*places(here, name))
        with tempfile.TemporaryDirectory() as folder:
            proposal = propose(name, gather(sample, Path(folder)))
            proposal.remarks += [
                f"a sample came from {without_secrets(url)}: the server here is a folder;"
                " docs/formats-and-transports.md tells how nights fetch from the web"
                for url in sample
                if "://" in url
            ]
            _show_found(proposal)
            if not no_input and sys.stdin.isatty():
                for question in list(proposal.questions):
                    _ask(proposal, question)
            with umask(OF_CALLER):
                written = write(here, proposal)
    except (CannotPropose, FileExistsError) as error:
        fail(str(error))
    _show_written(proposal, written)


def _ask(proposal: Proposal, question: Question) -> None:
    """One open question; an empty answer leaves it open."""
    typer.echo(f"\n{question.text}")
    for number, answer in enumerate(question.answers, 1):
        typer.echo(f"  {number}  {answer}")
    while given := typer.prompt(
        "Number or text (enter: leave it open)", default="", show_default=False
    ).strip():
        picked = (
            question.answers[int(given) - 1]
            if given.isdecimal() and 0 < int(given) <= len(question.answers)
            else given
        )
        try:
            proposal.answer(question, picked)
        except (LookupError, ValueError, re.error) as error:
            typer.echo(str(error), err=True)
        else:
            return


def _show_found(proposal: Proposal) -> None:
    from rich.table import Table
    from rich.text import Text

    console = wide_console()
    shape = proposal.shape
    packed = f" in {shape.compression}" if shape.compression else ""
    files, rows = len(proposal.samples), len(proposal.columns[0].values)
    console.print(f"{files} file{'s' * (files > 1)}, {rows:,} rows, {shape.format}{packed}", style="bold")
    if shape.format in ("csv", "html"):
        delimiter = {"\t": "tab"}.get(shape.delimiter, f"'{shape.delimiter}'")
        console.print(f"Encoding: {shape.encoding}", highlight=False, soft_wrap=True)
        if shape.format == "csv":
            console.print(f"Delimiter: {delimiter}", highlight=False)
    if proposal.samples[0].layout.first or proposal.header_rows > 1:
        console.print(
            f"Header: row {proposal.samples[0].layout.first + 1}, {proposal.header_rows} high",
            highlight=False,
        )
    table = Table("column", "header", "type", "found", box=None, padding=(0, 2, 0, 0))
    for column in proposal.columns:
        found = ["key"] if column.key_position else []
        found += ["required"] if column.is_required and not column.key_position else []
        found += [f"personal: {column.personal.why} ({column.personal.treatment})"] if column.personal else []
        found += [f"{len(column.few_values)} values so far"] if column.few_values else []
        found += [column.remark] if column.remark else []
        cells = (column.name, column.header, column.typed.type, "; ".join(found))
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    console.print(table)
    for column, pattern, why in proposal.skips:
        console.print(
            f"Skipped: rows whose {column} matches {pattern} ({why})", highlight=False, markup=False
        )
    for remark in proposal.remarks:
        console.print(f"Note: {remark}", highlight=False, markup=False, soft_wrap=True)


def _show_written(proposal: Proposal, written: Written) -> None:
    from kho.settings import settings

    project = settings().own or settings().project
    typer.echo("\nWritten:")
    for path in written.paths:
        typer.echo(f"  {path.relative_to(project)}")
    if written.problem:
        typer.echo(f"No fixture: {written.problem}")
    contract = written.contract.relative_to(project)
    if proposal.questions:
        typer.echo("\nOpen questions, to be answered in the contract (then take each out of openQuestions):")
        for question in proposal.questions:
            typer.echo(f"  - {question}")
    typer.echo(f"\nNext: read {contract}, try it with `kho source check {proposal.name} --file <a file>`,")
    typer.echo("then set its status to active: the next night takes it.")
