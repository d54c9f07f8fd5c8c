"""up, down, status, run, psql: the server, and one night now."""

from __future__ import annotations

import os
import sys
import time
from datetime import date, datetime
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kho.cli.output import OF_CALLER, fail, of_sources, steps
from kho.settings import ROLES, Settings, settings

console = Console()

_ENDED = ("success", "failed", "upstream_failed", "skipped", "removed")
_MARKS = {
    "success": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "up_for_retry": "[yellow]↻[/]",
    "upstream_failed": "[yellow]–[/]",
    "skipped": "[yellow]–[/]",
}


def up() -> None:
    """Start PostgreSQL and Airflow, wait until they are healthy, print where and how to log in."""
    from kho.server import processes

    with steps("Starting") as say:
        try:
            processes.up(settings(), say)
        except (RuntimeError, TimeoutError) as failure:
            console.print(f"[red]{failure}[/]", highlight=False)
            raise typer.Exit(1) from None
    console.print("[green]Running.[/]")
    _print_login(settings())


def down() -> None:
    """Stop everything. Nothing that was committed is lost; an interrupted night goes on when it is run again."""
    from kho.backup import remove_abandoned
    from kho.server import processes

    with console.status("Stopping"):
        processes.down(settings())
        remove_abandoned(settings())
    console.print("Stopped.")


def status() -> None:
    """What runs, which release is in force, how the last night went, how fresh each source is."""
    from kho.server import airflow, postgres, processes

    is_up = processes.is_up(settings())
    table = Table("Process", "State", box=None)
    if is_up:
        health = airflow.health(settings())
        for name, state in processes.states(settings()).items():
            healthy = health.get(name.replace("-", "_"), True)
            table.add_row(name, state if healthy else f"{state} [red]not healthy[/]")
    else:
        table.add_row("postgres", "running alone" if postgres.is_running(settings()) else "stopped")
        table.add_row("airflow", "unknown" if processes.fallen(settings()) else "stopped")
    console.print(table)
    if is_up:
        _print_login(settings())
    if postgres.is_running(settings()) or settings().warehouse_url:
        console.print()
        _print_release(settings())
        _print_waits(settings())
        _print_sources(settings())
    if not is_up:
        if fallen := processes.fallen(settings()):
            console.print(f"\n{fallen}", style="red", markup=False, soft_wrap=True)
        console.print("\nStart it with [bold]kho up[/].")
        raise typer.Exit(1)


def run(
    date: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="Load up to this date; default: yesterday."),
    ] = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first of the days to make up for."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="The last of them; default: yesterday."),
    ] = None,
) -> None:
    """One night now, through the real Dag. Exit code 1 when nothing was released.

    With `--from`, days gone by are made up for first: what was due on each is fetched, loaded and checked day by day, then one
    night publishes it all. What is held or missing stops nothing else; a table at the end names it. Killed or interrupted, the
    same command goes on: what is done is not done again.

    Example: `kho run --from 2021-01-01 --to 2021-06-30`
    """
    from kho import backfill
    from kho.cli import backfill as shown
    from kho.contract.schedule import expect_business_date, yesterday
    from kho.server import airflow, processes

    parts: list[backfill.Part] = []
    if first:
        if date:
            raise typer.BadParameter("goes with neither --from nor --to", param_hint="--date")
        try:
            parts = backfill.parts(settings(), first.date(), last.date() if last else yesterday())
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--from") from None
    elif last:
        raise typer.BadParameter("needs --from: the first of the days to make up for", param_hint="--to")
    try:
        business_date = expect_business_date((last or date).date() if last or date else yesterday())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--date") from None
    if not processes.is_up(settings()):
        fail(f"{processes.fallen(settings()) or 'Airflow does not run'}: start it with `kho up`.")
    try:
        processes.up(settings())  # what has been added or has stopped since
        if parts:
            shown.bring(settings(), parts)
            business_date = backfill.night_of(settings(), business_date)
        is_released = follow_night(settings(), business_date)
    except (airflow.NoAnswer, RuntimeError, TimeoutError) as failure:
        fail(str(failure))
    print_night(settings(), business_date)
    if parts:
        shown.show(settings(), parts)
    if not is_released:
        raise typer.Exit(1)


def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="For psql itself, after `--`.")] = None,
    role: Annotated[
        str, typer.Option(help=f"Who to be: {', '.join(ROLES)}, or one of `kho reader`.")
    ] = "kho_auditor",
) -> None:
    """Open psql on the warehouse; what follows `--` goes to psql, e.g. `kho psql -- -c 'select 1'`."""
    from psycopg.conninfo import conninfo_to_dict

    from kho.database import session
    from kho.server import postgres

    if role not in ROLES and not settings().reader_file(role).is_file():
        raise typer.BadParameter(
            f"there is no role {role}; roles: {', '.join(ROLES)}, and those that `kho reader list` shows",
            param_hint="--role",
        )
    url = settings().role_url(role) if role in ROLES else settings().reader_url(role)
    parts = conninfo_to_dict(url)
    environment = os.environ | {"PGPASSWORD": parts.pop("password"), "PGOPTIONS": session()}
    program = str(postgres.binaries(settings()) / "psql")
    target = " ".join(f"{name}={value}" for name, value in parts.items())
    sys.stdout.flush()
    os.umask(OF_CALLER)
    os.execve(program, [program, "--dbname", target, *(arguments or [])], environment)


def follow_night(settings: Settings, business_date: date) -> bool:
    """Run one night through Airflow and tell each step as it ends. Returns whether a release was published."""
    from kho.night import RELEASED, systems
    from kho.server import airflow

    with airflow.Api(settings) as api, console.status("Waiting for the scheduler") as status:
        try:
            api.expect_systems(systems(settings))
        except RuntimeError as failure:
            fail(str(failure))
        night = api.trigger(business_date)
        console.print(
            f"Night of {business_date}: {airflow.url(settings)}/dags/{airflow.DAG}/runs/{night}",
            soft_wrap=True,
        )
        told: set[tuple[str, int]] = set()
        while True:
            tasks = api.tasks(night)
            for task in tasks:
                if task.state in _MARKS and (task.name, task.attempt) not in told:
                    told.add((task.name, task.attempt))
                    seconds = f"{task.seconds:.1f} s" if task.seconds else task.state.replace("_", " ")
                    console.print(f"  {_MARKS[task.state]} {task.name} [dim]{seconds}[/]")
                    if task.state in ("failed", "up_for_retry"):
                        for line in api.errors(night, task):
                            console.print(f"      {line}", style="red", markup=False, highlight=False)
            is_over = all(task.state in _ENDED for task in tasks)
            if is_over and (state := api.state(night)) in ("success", "failed"):
                # A release that waits for a person is skipped.
                published = any(task.name == RELEASED and task.state == "success" for task in tasks)
                return state == "success" and published
            busy = [task.name for task in tasks if task.state in ("running", "queued")]
            status.update(f"Running {', '.join(busy)}" if busy else "Waiting for the scheduler")
            time.sleep(1)  # every answer takes from the night what Airflow needs for it


def print_night(settings: Settings, business_date: date) -> None:
    """The release of the newest night of this date, and what each source brought to it."""
    _print_release(settings)
    _print_sources(settings, business_date)


def _print_login(settings: Settings) -> None:
    from kho.server import airflow

    console.print(
        f"Airflow: [link]{airflow.url(settings)}[/]  user [bold]{airflow.USER}[/]  "
        f"password in {settings.home / 'secrets' / airflow.PASSWORD}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"Console: [link]{airflow.console_url(settings)}[/]", highlight=False, soft_wrap=True)


def _print_release(settings: Settings) -> None:
    from kho.database import connect
    from kho.ledger import releases
    from kho.ledger.standing import standing

    with connect(settings, "kho_auditor") as connection:
        now = standing(connection)
    release, pinned, last, waits, backup = now.in_force, now.pinned, now.last_night, now.waits, now.backup
    if release:
        console.print(
            f"Release in force: [bold]{release.release_id}[/], data up to {release.business_date},"
            f" published {release.published_at:%Y-%m-%d %H:%M}"
        )
    else:
        console.print("Release in force: none yet")
    if pinned:
        console.print(
            f"[yellow]Pinned[/]: {escape(str(pinned))}. Nights publish nothing until [bold]kho release unpin[/].",
            soft_wrap=True,
        )
    for number, decisions in now.accepted.items():
        for decision in decisions:
            console.print(f"Release {number}: {escape(str(decision))}", soft_wrap=True)
    if last:
        business_date, build_state, number, state, reason = last
        outcome = f"release {number} {state.replace('_', ' ')}" if number else f"build {build_state}"
        console.print(f"Last night: {business_date}, {outcome}{f' ({reason})' if reason else ''}")
    if waits:
        console.print(f"[yellow]Not published[/]: {escape(releases.told(*waits))}.", soft_wrap=True)
    if backup:
        console.print(f"Backup: {backup.made_at:%Y-%m-%d %H:%M}, {backup.place}", soft_wrap=True)
    elif settings.backup_to:
        console.print("[yellow]Backup: none yet[/], [bold]kho backup[/] makes one.")
    for name, page in (
        ("Data Docs", "data_docs/index.html"),
        ("Data dictionary", "dictionary/dictionary.html"),
        ("Catalogue", "dictionary/catalogue.html"),
    ):
        if (settings.home / page).exists():
            console.print(f"{name}: {settings.home / page}", soft_wrap=True)


def _print_waits(settings: Settings) -> None:
    """What the night waits for now, and whom to end."""
    from kho.ledger import locks
    from kho.publish import readers

    lines = []
    for waiting, holders in locks.waits(settings):
        lines.append(f"Waiting for a lock: {waiting}")
        lines += [f"  held by {each}" for each in holders]
    if reading := readers.waited_for(settings):
        lines.append("A release is being published, and waits for its readers:")
        lines += [f"  {each}" for each in reading]
    for line in lines:
        console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _print_sources(settings: Settings, business_date: date | None = None) -> None:
    from kho.contract import telling
    from kho.database import connect
    from kho.ledger import sources

    with connect(settings, "kho_auditor") as connection:
        rows = sources.of_night(connection, business_date)
    if not rows:
        console.print(
            "No night has been built yet."
            if business_date is None
            else f"Nothing was built for {business_date}."
        )
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Source", no_wrap=True)
    for title in ("Rows in", "Loaded", "Rejected", "Skipped"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("As of", no_wrap=True)
    table.add_column("", no_wrap=True)
    late = []
    for contract, *counts, as_of, state, since, reason in rows:
        if state != "fresh":
            when = f", since {since}" if since else ""
            late.append((contract, f"{state.replace('_', ' ')}{when}{f': {reason}' if reason else ''}"))
        mark = "" if state == "fresh" else f"[yellow]{state.replace('not_delivered', 'none')}[/]"
        table.add_row(contract, *(f"{count:,}" for count in counts), str(as_of or "–"), mark)
    console.print(table)
    for names, said in telling.together(late):
        console.print(of_sources(names, said), soft_wrap=True)
