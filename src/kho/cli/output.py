"""How commands show rows, and how they fail."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NoReturn

import typer

Format = Annotated[
    Literal["table", "csv", "json"],
    typer.Option("--format", "-f", help="A table for people, or csv or json."),
]


def show_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], output_format: str) -> None:
    if output_format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    elif output_format == "json":
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        print(json.dumps(records, ensure_ascii=False, indent=2, default=str))
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*(Text("" if value is None else str(value)) for value in row))
        Console().print(table)


def fail(message: str) -> NoReturn:
    """End the command: what was asked for failed or was refused."""
    print(message, file=sys.stderr)
    raise typer.Exit(1)
