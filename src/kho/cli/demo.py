"""`kho demo`: half a year of a sample district through two real nights."""

from __future__ import annotations

import time
from datetime import date, datetime

import typer
from rich.console import Console
from rich.rule import Rule

from kho.settings import Settings, settings

console = Console()

FIRST, LAST = date(2021, 5, 31), date(2021, 6, 30)
SCOPE, PERIOD = "946", "2021-H1"


def demo() -> None:
    """A sample district through two nights: history, then the rest with updates and corrections; its figures."""
    from kho.cli.figures import figures
    from kho.cli.sample import sample
    from kho.cli.server import follow_night, print_night, up

    start = time.monotonic()
    here = settings()
    console.print(Rule(f"Sample exports of huyện Long Phú up to {FIRST}", align="left"))
    written = sample(until=datetime.combine(FIRST, datetime.min.time()))
    console.print(Rule("PostgreSQL and Airflow", align="left"))
    up()
    if not _is_released(here, FIRST):
        console.print(Rule(f"The night of {FIRST}", align="left"))
        _run(follow_night, here, FIRST)
    console.print(Rule(f"Sample exports up to {LAST}: late files, updates, corrections", align="left"))
    written += sample()
    is_done = written == 0 and _is_released(here, LAST)
    if not is_done:
        console.print(Rule(f"The night of {LAST}", align="left"))
        _run(follow_night, here, LAST)
    console.print(Rule("What came out", align="left"))
    figures(SCOPE, PERIOD)
    print_night(here, LAST)
    if is_done:
        console.print("[green]Nothing changed: the exports are the same, both nights are released.[/]")
    console.print(f"[dim]{time.monotonic() - start:.0f} s[/]")
    console.print(
        f"""
Next:
  [bold].venv/bin/kho status[/]                      what runs, Airflow's address and login, how fresh each source is
  [bold].venv/bin/kho figures {SCOPE} 2021-Q2[/]         another period; [bold]--format csv[/] for a file
  [bold].venv/bin/kho rejects list[/]                rows that could not be taken, and why
  [bold].venv/bin/kho psql --role bi_reader[/]       the marts, as a BI tool sees them
  put a file into {here.exports}/<system>/<entity>/ and [bold].venv/bin/kho run --date {LAST}[/]
  [bold].venv/bin/kho down[/]                        stop everything; nothing is lost""",
        highlight=False,
        soft_wrap=True,
    )


def _run(follow_night, here: Settings, night: date) -> None:
    if not follow_night(here, night):
        console.print(f"[red]The night of {night} released nothing: see above.[/]")
        raise typer.Exit(1)


def _is_released(here: Settings, night: date) -> bool:
    from kho.database import connect

    with connect(here, "kho_auditor") as connection:
        return connection.execute(
            "select exists (select from ledger.release where business_date = %s and published_at is not null)",
            [night],
        ).fetchone()[0]
