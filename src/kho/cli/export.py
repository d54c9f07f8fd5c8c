"""`kho export`: files for others than the warehouse's own readers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kho.cli.output import OF_CALLER, fail, umask

app = typer.Typer(no_args_is_help=True, help="Files for others than the warehouse's own readers.")


@app.callback()
def _group() -> None:
    """Keeps `open-data` a command of its own while it is the only one."""


@app.command("open-data")
def open_data(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="The folder to write: empty, not there yet, or made by an earlier export."
        ),
    ],
    publisher: Annotated[
        str | None,
        typer.Option(
            help="Who publishes. Default: `open_data_publisher` of config.toml, or the province's name."
        ),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            help="The licence's name or address: the publisher's choice. Default: `open_data_licence` of config.toml."
        ),
    ] = None,
) -> None:
    """Write the open data of the release in force: tables that anybody may have.

    They are units' figures by month, of months that are over, on dossiers, documents and portals, and what each figure
    means: each table as CSV (UTF-8) and as Parquet. **datapackage.json** (Frictionless) and **dcat.jsonld** (DCAT, for data
    portals) say what they are: titles, columns, sources, licence, the release's number and date, rows, sizes and sha256.

    Counts of 1 to 4 are left empty, and others that they could be worked out from; `publication` says so. Nothing in the files
    is about a person.

    The folder appears when all is written: what is killed leaves the one of before. The same release gives the same bytes,
    so an unchanged sha256 is unchanged data. Publish the folder whole, the names in it are relative.
    """
    from kho.ledger import audit
    from kho.open_data import FolderError, Terms, export
    from kho.settings import settings

    here = settings()
    terms = Terms(publisher or here.open_data_publisher, licence or here.open_data_licence)

    def tell(table: str, rows: int) -> None:
        typer.echo(f"{table}: {rows} rows", err=True)

    try:
        with umask(OF_CALLER):
            package = export(here, folder, terms, tell)
    except (FolderError, LookupError, OSError) as error:
        fail(str(error))
    release, given = package.release, package.terms
    audit.write(here, "open data exported", f"{folder.absolute()} release {release.release_id}")
    typer.echo(
        f"{folder}: release {release.release_id} of {release.business_date}, by {given.publisher}, {given.licence}"
    )
    for table in package.tables:
        for file in table.files:
            typer.echo(f"  {file.name}: {table.rows} rows, {file.size} bytes")
