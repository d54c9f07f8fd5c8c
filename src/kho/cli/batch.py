"""`kho batch`: what was loaded, and an operator's decisions on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from kho.actor import os_user
from kho.cli.output import Format, fail, show_rows

app = typer.Typer(no_args_is_help=True, help="Batches: what was loaded, and which of it counts.")

Batch = Annotated[int, typer.Argument(help="Number of the batch, as `kho batch list` shows it.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept with the decision.")]


@app.command("list")
def list_batches(
    contract: Annotated[str | None, typer.Option(help="Of this contract only: one_stop.dossiers.")] = None,
    state: Annotated[
        str | None, typer.Option(help="pending, accepted, held, withdrawn or unreadable.")
    ] = None,
    output_format: Format = "table",
) -> None:
    """Batches, newest first."""
    from kho.ledger import batches
    from kho.settings import settings

    show_rows(
        "Batches",
        (
            "batch",
            "contract",
            "file",
            "business_date",
            "state",
            "in_file",
            "loaded",
            "rejected",
            "skipped",
            "reason",
        ),
        batches.batches(settings(), contract, state),
        output_format,
    )


@app.command()
def show(batch_id: Batch, output_format: Format = "table") -> None:
    """What the boundary found of a batch, and everything that was decided on it."""
    from kho.ledger import batches
    from kho.settings import settings

    here = settings()
    found = batches.batches(here, batch_id=batch_id)
    if not found:
        fail(f"there is no batch {batch_id}: `kho batch list` shows them")
    verdicts, events = batches.story(here, batch_id)
    findings = ("expectation", "severity", "outcome", "observed", "message")
    if output_format != "table":
        show_rows("Expectations", findings, verdicts, output_format)
        return
    _, contract, name, day, state, *_ = found[0]
    typer.echo(f"Batch {batch_id}: {name} of {contract} for {day}, {state}")
    show_rows("Expectations", findings, verdicts, output_format)
    show_rows("Decisions", ("at", "who", "from", "to", "reason"), events, output_format)


@app.command()
def accept(batch_id: Batch, reason: Reason) -> None:
    """Let a held or withdrawn batch count, from the next night on."""
    from kho.ledger import decisions

    _decide(decisions.accept, batch_id, reason)


@app.command()
def withdraw(batch_id: Batch, reason: Reason) -> None:
    """Let a batch no longer count, from the next night on."""
    from kho.ledger import decisions

    _decide(decisions.withdraw, batch_id, reason)


@app.command()
def undo(batch_id: Batch, reason: Reason) -> None:
    """Take back the last decision that a person made on a batch."""
    from kho.ledger import decisions

    _decide(decisions.undo, batch_id, reason)


def _decide(decision: Callable[..., list[Any]], batch_id: int, reason: str) -> None:
    from kho.ledger.decisions import DecisionError
    from kho.settings import settings

    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    try:
        changes = decision(settings(), batch_id, actor=os_user(), reason=reason.strip())
    except DecisionError as error:
        fail(str(error))
    for change in changes:
        typer.echo(f"Batch {change.batch_id}: {change.from_state} → {change.to_state}")
    typer.echo("It counts from the next night on: `kho run` makes one now.")
