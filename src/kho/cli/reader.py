"""`kho reader`: logins that see the marts of one agency."""

from __future__ import annotations

from typing import Annotated

import typer

from kho.actor import os_user
from kho.cli.output import Format, fail, show_rows

app = typer.Typer(
    no_args_is_help=True,
    help="Readers of one agency each: logins for BI tools, ODBC and psql that see its rows of the marts, and no others.",
)

Name = Annotated[str, typer.Argument(help="The login: small letters, digits and _.")]


@app.command("list")
def list_readers(output_format: Format = "table") -> None:
    """Who may log in, and which agency each sees, and whether small counts of what is below it too. `bi_reader`, who sees all, is not among them."""
    from kho.database import connect
    from kho.ledger import readers
    from kho.settings import settings

    with connect(settings(), "kho_auditor") as connection:
        rows = [
            (
                each.role_name,
                each.scope_agency_code,
                "shown" if each.sees_small_cells else "its own",
                f"{each.added_at:%Y-%m-%d %H:%M}",
                each.added_by,
            )
            for each in readers.readers(connection)
        ]
    show_rows("Readers", ("name", "scope", "small_cells", "added_at", "added_by"), rows, output_format)


@app.command()
def add(
    name: Name,
    scope: Annotated[
        str,
        typer.Option(metavar="CODE", help="Code of the agency, as `kho agency list` shows it: H61.29371."),
    ],
    small_cells: Annotated[
        bool,
        typer.Option(
            "--small-cells",
            help="It sees of what is below the agency whatever the agency's own people see, counts of 1 to 4 too.",
        ),
    ] = False,
) -> None:
    """Make a login that sees what an agency has in the marts, and of all below it what is public.

    Of the agency itself and its departments it sees every row. Of units below it, the mart **public_month**: months that are
    over, without counts of 1 to 4 and what they could be worked out from. With `--small-cells` it sees every row of those too:
    for people whose task it is to look into each case of the units below.

    It reads the views in the schema **scoped**, which have the names and columns of those in marts. What is below is a
    commune's departments, a district's communes, a province's all; also what the agency was made of, or has become, by the
    reorganisation, where that is part of no other one. Rows of others are not
    there for it, whatever it asks. Names of agencies, metrics and periods are everybody's.

    The login's password is made, and written to a file that only Kho's account may read; the command names it.
    """
    from kho.agencies import read
    from kho.database import connect
    from kho.ledger import readers
    from kho.publish import scopes
    from kho.settings import settings

    here = settings()
    if scope not in {each.agency_code for each in read(here)}:
        fail(f"there is no agency {scope}: `kho agency list` shows them, their code is in the first column")
    with connect(here, "kho_auditor") as connection:
        if not small_cells and not scopes.keep_small_cells(connection):
            fail(
                "the release in force was published before small counts were kept back, and shows them: add the reader after"
                " the next night (`kho run`)"
            )
    try:
        lacking = readers.add(here, name, scope, sees_small_cells=small_cells, actor=os_user())
    except readers.ReaderError as error:
        fail(str(error))
    below = "of all below it too" if small_cells else "of what is below it public_month, without small counts"
    typer.echo(f"{name} sees {scope}, and {below}, in the schema scoped.")
    typer.echo(f"Its password is in {here.reader_file(name)}.")
    typer.echo(f"Try it: kho psql --role {name} -- -c '\\dv scoped.*'")
    typer.echo("Dashboards, where they run: kho bi up lets it in, with the same password.")
    for statement in lacking:
        typer.echo(f"It may use this server up, until a superuser runs: {statement}")


@app.command()
def remove(name: Name) -> None:
    """Take a login away: its sessions end, its role and its password's file go."""
    from kho.ledger import readers
    from kho.settings import settings

    try:
        readers.remove(settings(), name)
    except readers.ReaderError as error:
        fail(str(error))
    typer.echo(f"{name} is no more.")
