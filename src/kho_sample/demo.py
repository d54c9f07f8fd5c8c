"""`kho demo`: two sample districts through two real nights, to their reports."""

from __future__ import annotations

import time
from datetime import date, datetime

import typer
from rich.console import Console
from rich.rule import Rule

from kho.settings import Settings, settings

console = Console()

FIRST, LAST = date(2021, 5, 31), date(2021, 6, 30)
#: the richer one first
REPORTS = {"946": "2021-H1", "846": "2017-01-01..2017-09-28"}


def demo() -> None:
    """Two sample districts through two nights: history, then the rest with updates and corrections; their reports."""
    from kho.cli.figures import figures
    from kho.cli.report import Format, report
    from kho.cli.server import print_night, up
    from kho.server.airflow import console_url

    start = time.monotonic()
    here = settings()
    is_new = not here.exports.exists()
    if is_new:
        _write_sample(FIRST)
    console.print(Rule("PostgreSQL and Airflow", align="left"))
    up()
    if not _is_released(here, FIRST):
        if not is_new:
            _write_sample(FIRST)  # the last try may have been interrupted
        _run_night(here, FIRST)
    written = _write_sample(LAST)
    is_done = written == 0 and _is_released(here, LAST)
    if not is_done:
        _run_night(here, LAST)
    console.print(Rule("What came out", align="left"))
    for scope, period in REPORTS.items():
        figures(scope, period)
    print_night(here, LAST)
    console.print(Rule("Reports", align="left"))
    for scope, period in REPORTS.items():
        for format in (Format.docx, Format.xlsx):
            report(scope, period, format=format)
    if is_done:
        console.print("[green]Nothing changed: the exports are the same, both nights are released.[/]")
    console.print(f"[dim]{time.monotonic() - start:.0f} s[/]")
    console.print(
        f"""
Next:
  {console_url(here)}   the operator's console: what waits for a decision, and the reports
  [bold].venv/bin/kho status[/]                      what runs, Airflow's address and login, how fresh each source is
  [bold].venv/bin/kho figures 946 2021-Q2[/]         another period; [bold]--format csv[/] for a file
  [bold].venv/bin/kho report 946 2021-Q2[/]          its report, for Word; [bold]--format xlsx[/], [bold]html[/] or [bold]json[/]
  [bold].venv/bin/kho rejects list[/]                rows that could not be taken, and why
  [bold].venv/bin/kho psql --role bi_reader[/]       the marts, as a BI tool sees them
  put a file into {here.exports}/<system>/<entity>/ and [bold].venv/bin/kho run --date {LAST}[/]
  [bold].venv/bin/kho down[/]                        stop everything; nothing is lost""",
        highlight=False,
        soft_wrap=True,
    )


def _write_sample(until: date) -> int:
    from kho_sample.command import sample

    console.print(Rule(f"Sample exports up to {until}", align="left"))
    return sample(until=None if until == LAST else datetime.combine(until, datetime.min.time()))


def _run_night(here: Settings, night: date) -> None:
    from kho.cli.server import follow_night

    console.print(Rule(f"The night of {night}", align="left"))
    if not follow_night(here, night):
        console.print(f"[red]The night of {night} released nothing: see above.[/]")
        raise typer.Exit(1)


def _is_released(here: Settings, night: date) -> bool:
    from kho.ledger import releases

    return any(each.business_date == night and each.published_at for each in releases.releases(here))
