"""`kho source`: the exports that Kho takes, one contract each."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kho.cli.output import Format, show_rows, wide_console

if TYPE_CHECKING:
    from kho.source import SourceState, Step

app = typer.Typer(no_args_is_help=True, help="Sources: the exports that Kho takes, one contract each.")

Name = Annotated[
    str, typer.Argument(help="Name of the contract (one_stop.dossiers), or the path of its file.")
]

_EVERY = {"d": "day", "m": "month", "q": "quarter"}


@app.command("list")
def list_sources(output_format: Format = "table") -> None:
    """Every source: where it comes from, how fresh it is, what came last."""
    import psycopg

    from kho.settings import settings
    from kho.source import sources

    try:
        found = sources(settings())
    except (psycopg.OperationalError, LookupError):  # contracts are files: they can be listed all the same
        print("The warehouse does not answer, so nothing is said of what came: `kho up`.", file=sys.stderr)
        found = sources(settings(), with_ledger=False)
    records = [_record(each) for each in found]
    if output_format == "table":
        columns = ("source", "comes from", "every", "fresh", "last batch", "rows", "rejected")
        show_rows("Sources", columns, [_lines(each) for each in records], output_format)
    else:
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
    output_format: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", help="Text for people, or json.")
    ] = "text",
) -> None:
    """Would this source work? Looks at contract, connection, a file and the boundary's verdict; writes nothing.

    Ends with 0 when the file would be accepted, with 1 when something has to be done first.
    """
    from kho.settings import settings
    from kho.source import check as look_at

    steps = []
    try:
        for step in look_at(settings(), name, file, date and date.date()):
            steps.append(step)
            if output_format == "text":
                _show_step(step)
    except LookupError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    if output_format == "json":
        print(json.dumps([asdict(step) for step in steps], ensure_ascii=False, indent=2))
    wrong = sum(finding.mark == "wrong" for step in steps for finding in step.findings)
    if wrong:
        raise typer.Exit(1)


def _show_step(step: Step) -> None:
    from rich.table import Table
    from rich.text import Text

    marks = {"fine": ("✓", "green"), "told": ("–", "yellow"), "wrong": ("✗", "red")}
    lines = Table.grid(padding=(0, 1))
    for finding in step.findings:
        lines.add_row(" ", Text(*marks[finding.mark]), Text(finding.text, overflow="fold"))
        for detail in finding.details:
            lines.add_row("", "", Text(detail, "dim", overflow="fold"))
    console = wide_console()
    console.print(step.title, style="bold")
    console.print(lines)


def _record(source: SourceState) -> dict[str, Any]:
    contract, freshness, batch = source.contract, source.freshness, source.last_batch
    return {
        "source": source.name,
        "title": contract and contract.title,
        "transport": contract and contract.server_type,
        "format": contract and contract.format,
        "connection": contract and contract.server.connection,
        "location": contract and contract.location,
        "every": contract and _EVERY[contract.frequency],
        "freshness": freshness and freshness.state,
        "as_of": freshness and freshness.as_of,
        "batch": batch and batch.batch_id,
        "state": batch and batch.state,
        "rows": batch and batch.rows_in_file,
        "rejected_percent": batch and batch.rejected_percent,
        "problem": source.problem or (freshness and freshness.reason),
    }


def _lines(record: dict[str, Any]) -> list[str | None]:
    """The record in the cells of a table for people."""

    def two(*words: Any) -> str:
        return "\n".join(str(word) for word in words if word is not None)

    percent = record["rejected_percent"]
    return [
        two(record["source"], record["title"]),
        two(
            record["transport"] and f"{record['format']} over {record['transport']}",
            (record["connection"] and f"{record['connection']}:{record['location']}") or record["location"],
        ),
        record["every"],
        two((record["freshness"] or "").replace("_", " "), record["as_of"])
        if record["transport"]
        else "unusable",
        two(record["batch"], record["state"]),
        None if record["rows"] is None else f"{record['rows']:,}",
        None if percent is None else f"{percent:g} %",
    ]
