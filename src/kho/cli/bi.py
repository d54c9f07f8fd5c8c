"""`kho bi`: dashboards in the browser, by a Superset of Kho's own."""

from __future__ import annotations

import typer
from rich.console import Console

from kho.cli.output import fail, steps
from kho.settings import Settings, settings

console = Console()

app = typer.Typer(
    no_args_is_help=True,
    help="Dashboards in the browser: a Superset of Kho's own, with those of bi/dashboards. No night needs it.",
)


@app.command()
def up() -> None:
    """Start Superset with the dashboards and readers as they are now; install it first where that is due.

    What left bi/dashboards leaves Superset; what people made there themselves stays. `kho up` starts it from now on, until
    `kho bi down`.
    """
    from kho.bi import DashboardError
    from kho.server import superset
    from kho.transform import TransformError

    here = settings()
    if not superset.is_installed(here):
        console.print(
            f"Superset gets an environment of its own: some {superset.MEGABYTES} MB in {superset.folder(here)}, fetched from"
            f" the package index in some minutes. Running, it takes some {superset.MEMORY_MEGABYTES} MB of memory."
        )
    with steps("Starting") as say:
        try:
            told = superset.up(here, say)
        except (DashboardError, TransformError, RuntimeError, TimeoutError) as failure:
            fail(str(failure))
    for each in told:
        console.print(f"Look at what people made: {each}", style="yellow", markup=False, soft_wrap=True)
    console.print("[green]Running.[/]")
    _print_login(here)


@app.command()
def down() -> None:
    """Stop Superset. Its dashboards, people and environment stay; `kho up` does not start it until `kho bi up`."""
    from kho.server import superset

    superset.down(settings())
    console.print("Stopped.")


@app.command()
def status() -> None:
    """Whether Superset is installed and runs, and how to log in."""
    from kho.server import processes, superset

    here = settings()
    if not superset.is_installed(here):
        fail("Superset is not installed, or not as this version has it: kho bi up")
    state = processes.states(here).get(superset.NAME, "stopped") if processes.is_up(here) else "stopped"
    console.print(f"superset  {state}", highlight=False)
    if not superset.is_wanted(here) or not processes.is_up(here):
        fail("Start it with `kho bi up`.")
    _print_login(here)


def _print_login(here: Settings) -> None:
    from kho.server import superset

    console.print(
        f"Superset: [link]{superset.url(here)}[/]  user [bold]{superset.USER}[/]  password in"
        f" {here.home / 'secrets' / superset.PASSWORD}; a reader of one agency logs in with its own password",
        highlight=False,
        soft_wrap=True,
    )
