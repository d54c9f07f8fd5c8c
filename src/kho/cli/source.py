"""`kho source`: the exports that Kho takes, one contract each."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kho.cli import source_view as view
from kho.cli.output import Format, fail, is_server_missing, show_rows, wide_console

if TYPE_CHECKING:
    from kho_propose import Proposal, Question, Written

app = typer.Typer(no_args_is_help=True, help="Sources: the exports that Kho takes, one contract each.")

Name = Annotated[
    str, typer.Argument(help="Name of the contract (one_stop.dossiers), or the path of its file.")
]

TextFormat = Annotated[
    Literal["text", "json"], typer.Option("--format", "-f", help="Text for people, or json.")
]


@app.command("list")
def list_sources(output_format: Format = "table") -> None:
    """Every source: where it comes from, how fresh it is, what came last."""
    from kho.settings import settings
    from kho.source import sources

    try:
        found = sources(settings())
    except Exception as error:
        if not is_server_missing(error):
            raise
        # Contracts are files: they can be listed all the same.
        print("The warehouse does not answer, so nothing is said of what came: `kho up`.", file=sys.stderr)
        found = sources(settings(), with_ledger=False)
    if output_format == "table":
        view.show_sources(found)
    else:
        records = [view.record(each) for each in found]
        rows = [list(each.values()) for each in records]
        show_rows("Sources", list(records[0]) if records else (), rows, output_format)


@app.command()
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
    through, try it with `kho source check NAME`, then set its status to `active`.
    """
    import tempfile

    import kho_propose as propose
    from kho.settings import settings

    here = settings()
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}\.[a-z][a-z0-9_]{0,40}", name):
        raise typer.BadParameter(f"'{name}': write <system>.<entity> in a-z, 0-9 and _", param_hint="NAME")
    try:
        propose.expect_free(*propose.places(here, name))
        with tempfile.TemporaryDirectory() as folder:
            proposal = propose.propose(name, propose.gather(sample, Path(folder)))
            proposal.remarks += [
                f"a sample came from {propose.without_secrets(url)}: the server here is a folder;"
                " docs/formats-and-transports.md tells how nights fetch from the web"
                for url in sample
                if "://" in url
            ]
            _show_found(proposal)
            if not no_input and sys.stdin.isatty():
                for question in list(proposal.questions):
                    _ask(proposal, question)
            written = propose.write(here, proposal)
    except (propose.CannotPropose, FileExistsError) as error:
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
        found += [f"{len(column.enum)} values"] if column.enum else []
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

    project = settings().project
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


@app.command()
def check(
    name: Name,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Try this file, not the newest delivery."),
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(
            "--date",
            formats=["%Y-%m-%d"],
            help="Try the newest delivery up to this date; the date of a --file whose name tells none.",
        ),
    ] = None,
    output_format: TextFormat = "text",
) -> None:
    """Would this source work? Looks at contract, connection, a file and the boundary's verdict; writes nothing.

    Ends with 0 when the file would be accepted, with 1 when something has to be done first.
    """
    from kho.settings import settings
    from kho.source import UnknownSource
    from kho.source import check as look_at

    steps = []
    try:
        for step in look_at(settings(), name, file, date and date.date()):
            steps.append(step)
            if output_format == "text":
                view.show_step(step)
    except UnknownSource as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    if output_format == "json":
        print(json.dumps([asdict(step) for step in steps], ensure_ascii=False, indent=2))
    is_wrong = any(step.is_wrong for step in steps)
    if output_format == "text":
        end = (
            "[red]Something has to be done first[/]: what ✗ names."
            if is_wrong
            else "[green]It would work.[/]"
        )
        wide_console().print(end)
    if is_wrong:
        raise typer.Exit(1)


@app.command()
def show(
    name: Name,
    output_format: TextFormat = "text",
) -> None:
    """One source in full: where it comes from, how fresh it is, its last batches, which rejects grow, its versions."""
    from kho.contract import ContractError, read_contract
    from kho.settings import settings
    from kho.source import UnknownSource, find, story

    try:
        path = find(settings(), name)
    except UnknownSource as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    try:
        contract = read_contract(path)
    except ContractError as error:
        fail(str(error))
    found = story(settings(), contract)
    if output_format == "json":
        facts = {"source": contract.name, **view.facts(contract, found)}
        print(json.dumps(facts | asdict(found), ensure_ascii=False, indent=2, default=str))
    else:
        view.show_story(contract, found)


@app.command()
def diff(
    name: Name,
    against: Annotated[
        str | None,
        typer.Option(
            help="An older version (1.0.0) or a contract's file; without it, the version last used."
        ),
    ] = None,
    output_format: TextFormat = "text",
) -> None:
    """What a changed contract changes, and whether that breaks the raw table, models or figures.

    Ends with 0 when all that is different is additive, with 1 when something breaks or every batch has to be loaded
    again.
    """
    from rich.console import Console

    from kho.contract import ContractError
    from kho.settings import settings
    from kho.source import NothingToCompare, UnknownSource
    from kho.source import diff as compare
    from kho.transform import TransformError

    try:
        with Console(stderr=True).status("Reading the models"):
            found = compare(settings(), name, against)
    except UnknownSource as error:
        raise typer.BadParameter(str(error)) from None
    except (ContractError, TransformError) as error:
        fail(str(error))
    except NothingToCompare as reason:
        print(reason)
        return
    if output_format == "json":
        facts = {"source": found.contract.name, "version": found.contract.version, "against": found.against}
        changes = [asdict(change) for change in found.changes]
        print(json.dumps(facts | {"effect": found.effect, "changes": changes}, ensure_ascii=False, indent=2))
    else:
        view.show_difference(found)
    if found.effect != "additive":
        raise typer.Exit(1)
