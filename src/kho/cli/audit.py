"""`kho audit`: who did what, and whether the trail is as it was written."""

from __future__ import annotations

from typing import Annotated

import typer

from kho.cli.output import Format, fail, show_rows
from kho.settings import settings

app = typer.Typer(
    no_args_is_help=True,
    help="The audit trail: who ran, accepted, withdrew, published, went back, pinned, handed in, backed up, and why.",
)


@app.command("list")
def list_events(
    last: Annotated[int, typer.Option(min=1, help="How many of the newest entries.")] = 50,
    output_format: Format = "table",
) -> None:
    """What people and nights did, newest first: who, with which login of the server, what, and why."""
    from kho.database import connect
    from kho.ledger import audit

    with connect(settings(), "kho_auditor") as connection:
        rows = [
            (
                each.event_id,
                f"{each.at:%Y-%m-%d %H:%M:%S}",
                each.actor,
                each.login,
                each.action,
                each.subject,
                each.reason,
            )
            for each in audit.newest(connection, last)
        ]
    columns = ("entry", "at", "actor", "login", "action", "subject", "reason")
    show_rows("Audit trail", columns, rows, output_format)


@app.command()
def verify(
    mark: Annotated[
        str,
        typer.Option(help="A mark that you kept, from a digest or a backup: `124:3fa9c1e2b7d80415`."),
    ] = "",
) -> None:
    """Whether every entry is there, and as it was written. Exit code 1 where one is not.

    Each entry is signed together with the one before it. Somebody who may change the database itself could write all of
    them anew: a mark that was kept elsewhere finds that, and entries that were cut off at the end.
    """
    from kho.database import connect
    from kho.ledger import audit

    with connect(settings(), "kho_auditor") as connection:
        try:
            many = audit.verify(connection, mark)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--mark") from None
        except audit.Broken as broken:
            fail(f"The audit trail is broken: {broken}")
        newest = audit.last(connection)
    typer.echo(
        f"{many} entries, each as it was written."
        + (f" Keep this mark elsewhere: {newest.mark}" if newest else "")
    )
