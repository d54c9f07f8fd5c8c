"""How commands show rows, and how they fail."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PRIVATE = 0o077  # of all that Kho makes in its home
OF_CALLER = os.umask(PRIVATE)
os.umask(OF_CALLER)

Format = Annotated[
    Literal["table", "csv", "json"],
    typer.Option("--format", "-f", help="A table for people, or csv or json."),
]


#: what a spreadsheet takes for the beginning of a formula, also in the wide letters of East Asian keyboards
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """CSV for programs and for spreadsheets: none of its texts starts a formula there."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_inert(cell) for cell in row] for row in rows)


def _inert(cell: Any) -> Any:
    """The cell; what would be a formula with an apostrophe before it, which says that it is a text."""
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("\r", "\n")  # only that is quoted: a bare one starts a line, and there a cell
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def show_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], output_format: str) -> None:
    if output_format == "csv":
        print_csv(columns, rows)
    elif output_format == "json":
        records = [dict(zip(columns, row, strict=True)) for row in rows]
        print(json.dumps(records, ensure_ascii=False, indent=2, default=str))
    else:
        _show_table(title, columns, [["" if value is None else str(value) for value in row] for row in rows])


def _show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; where the terminal is too narrow for its words, a paragraph per row (as psql's expanded display)."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = wide_console()
    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(value, overflow="fold") for value in row))
    needed = console.measure(table, options=console.options.update(width=10_000)).minimum
    if needed <= console.width or not rows:
        console.print(table)
        return
    console.print(title, style="table.title")
    for row in rows:
        paragraph = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, value in zip(columns, row, strict=True):
            paragraph.add_row(Text(name, "dim"), Text(value, overflow="fold"))
        console.print(paragraph, "")


def of_sources(names: Sequence[str], said: str) -> Text:
    """What is said of these sources, in one line."""
    from rich.text import Text

    if len(names) == 1:
        return Text.assemble((names[0], "yellow"), f" is {said}")
    return Text.assemble((f"{len(names)} sources", "yellow"), f": {said} ({', '.join(names)})")


def wide_console() -> Console:
    """The terminal; a file or a pipe has no edge to keep to."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar, where somebody looks: it hears what is done now, how much is done, and of how much."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=None)

        def say(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of or None)

        yield say


def is_server_missing(error: Exception) -> bool:
    """Whether the warehouse does not run, or was never started."""
    if isinstance(error, LookupError) and "kho up" in str(error):
        return True
    psycopg = sys.modules.get("psycopg")
    if psycopg is None or not isinstance(error, psycopg.OperationalError):
        return False
    # It can't be reached, or it starts or stops just now.
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


def is_blocked(error: Exception) -> bool:
    """Whether somebody held a lock for too long; the error says who."""
    locks = sys.modules.get("kho.ledger.locks")
    return locks is not None and isinstance(error, locks.Blocked)


@contextmanager
def steps(title: str) -> Iterator[Callable[[str], None]]:
    """Gives what tells each step of a long command: after how many seconds it began."""
    from rich.console import Console

    console = Console()
    start = time.monotonic()
    with console.status(title) as status:

        def say(step: str) -> None:
            console.print(f"[dim]{time.monotonic() - start:5.1f} s[/]  {step}")
            status.update(step)

        yield say


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Files that are made in here have this mask: `PRIVATE`, or `OF_CALLER` where a person asked for them elsewhere."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def fail(message: str) -> NoReturn:
    """End the command: what was asked for failed or was refused."""
    print(message, file=sys.stderr)
    raise typer.Exit(1)
