"""`kho sample`: write the sample exports."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def sample(
    totals: Annotated[
        Path | None,
        typer.Option(
            help="What the exports of a district or province add up to.",
            show_default="the files of samples/ that share a home",
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what is handed over by this day.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, other exports with the same totals.")] = 946,
    scale: Annotated[float, typer.Option(min=0.001, help="Size of the district, against the totals.")] = 1.0,
) -> int:
    """Write the sample exports of districts, where the sample servers and folder contracts find them."""
    from rich.console import Console
    from rich.progress import track

    from kho.settings import settings
    from kho_sample import program, write
    from kho_sample.totals import read

    console = Console()
    here = settings()
    if here.own:
        console.print(
            f"[red]{here.own} is an installation of your own[/red], in which no sample belongs: unset KHO_HOME, or name another"
            " folder with it",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    last_day = until.date() if until else None
    try:
        files = [totals] if totals else sorted((here.project / "samples").glob("*.yaml"))
        samples = [told for told in map(read, files) if totals or not told.needs_its_own_home]
        written = there = 0
        for title, make in (part for told in samples for part in write.parts(here, told.scaled(scale), seed)):
            with console.status(f"{title}: making the exports"):
                exports = [export for export in make() if last_day is None or export.arrives <= last_day]
            for export in track(exports, f"{title:<24}", console=console):
                if write.put(here.exports, export):
                    written += 1
                else:
                    there += 1
    except (ValueError, LookupError, OSError) as error:
        console.print(f"[red]The sample cannot be written:[/red] {error}", soft_wrap=True)
        raise typer.Exit(1) from None
    program.mark(here).touch()  # from now on `kho up` and `kho run` start the sample servers
    console.print(f"{written} files written, {there} already there, in {here.exports}", soft_wrap=True)
    return written
