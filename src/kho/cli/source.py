"""`kho source`: the exports that Kho takes, one contract each."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from kho.cli import source_view as view
from kho.cli.output import Format, fail, is_server_missing, show_rows, wide_console

app = typer.Typer(
    no_args_is_help=True,
    help="""Sources: the exports that Kho takes, one contract each.

    One comes in by `new` (a contract proposed from sample files), `check` (would it work, which codes are unknown), `build` (are
    its models right) and a night. The files docs/add-a-source.md and docs/contracts-by-kind.md show the way and whole
    contracts, docs/contract-reference.md every key and every word that a code may mean.
    """,
)

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
    """Would this source work? Looks at contract, connection, a file, the boundary's verdict and its effect; writes nothing.

    The effect: codes without a meaning in code_mappings.csv, agencies that agencies.csv lacks, each with the line to add;
    how many keys are new or changed against accepted batches; the facts that the source feeds and the figures counted
    from them. Whether the models make of its rows what they should, `kho source build` shows.

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
        wide_console().print(view.end(steps))
    if is_wrong:
        raise typer.Exit(1)


@app.command()
def build(
    name: Name,
    file: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Take the rows of this file, not the newest delivery."
        ),
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(
            "--date",
            formats=["%Y-%m-%d"],
            help="Take the newest delivery up to this date; the date of a --file whose name tells none.",
        ),
    ] = None,
) -> None:
    """Are the models of this source right? Builds them of a file, tests them and shows their rows, in seconds.

    The rows of the newest delivery, or of --file, are loaded as `kho source check` does it, under the contract as it is
    now: also a draft's. Then come the seeds as they are now, the staging models of the source, the unions that take them
    in, and the dimensions, bridges and facts that read these; figures and marts are made by nights. All stands in the
    schema `scratch`, which goes in the end: no night and no reader sees anything of it. Other sources have no rows there,
    so a column that is looked up in one of them is empty.

    Ends with 0 when models and tests are right, with 1 when ✗ names something that is wrong: file, line and remedy.
    """
    from rich.console import Console

    from kho.contract import ContractError
    from kho.fetch import FetchFailed
    from kho.settings import settings
    from kho.source import NothingToTry, Shown, Step, UnknownSource
    from kho.source import build as make
    from kho.transform import TransformError, faults

    is_wrong = False
    steps = make(settings(), name, file, date and date.date())
    try:
        while True:
            with Console(stderr=True).status("Building"):
                step = next(steps, None)
            match step:
                case None:
                    break
                case Step():
                    is_wrong |= step.is_wrong
                    view.show_step(step)
                case Shown():
                    view.show_rows_of_model(step)
    except UnknownSource as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    except TransformError as error:
        fault = faults.of_project(settings(), str(error))
        fail("\n".join([f"{fault.place}: {fault.text}", *fault.details]) if fault else str(error))
    except (ContractError, NothingToTry, FetchFailed) as error:
        fail(str(error))
    if is_wrong:
        wide_console().print("[red]Something is wrong[/]: what ✗ names.")
        raise typer.Exit(1)


@app.command()
def fetch(
    name: Name,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Ask for everything of the date, whatever was taken; the same bytes change nothing.",
        ),
    ] = False,
    date: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="Up to this date; yesterday if not given."),
    ] = None,
) -> None:
    """Take what this source has now into the archive, as a night does; the next night loads it.

    What is new or changed is taken, and what came to nothing (unreadable, held, withdrawn) is asked for again. Ends with
    0 when all that is there is taken, with 1 when something could not be fetched or is not complete yet.
    """
    from kho.contract import ContractError, read_contract
    from kho.contract.schedule import expect_business_date, yesterday
    from kho.fetch import FetchFailed, connections
    from kho.fetch import fetch as take
    from kho.settings import settings
    from kho.source import UnknownSource, find

    here = settings()
    try:
        day = expect_business_date(date.date()) if date else yesterday()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--date") from None
    try:
        contract = read_contract(find(here, name))
    except UnknownSource as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    except ContractError as error:
        fail(str(error))
    if contract.is_draft:
        fail(f"{contract.name} is a draft, and nights leave it alone: give it the status 'active' first")
    try:
        fetched = take(
            here, contract, day, connections(here).get(contract.server.connection or ""), again=again
        )
    except (FetchFailed, ValueError) as error:
        fail(str(error))
    view.show_fetched(fetched, day)
    if fetched.incomplete:
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
