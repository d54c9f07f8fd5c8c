"""`kho dictionary`: what every source, table and figure means, and where figures come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kho.cli.output import OF_CALLER, PRIVATE, umask


def dictionary(
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to; default: `dictionary` in Kho's own folder.")
    ] = None,
) -> None:
    """Write the data dictionary, a page (HTML) and a workbook (XLSX), from the contracts and models as they are.

    Beside them stands **catalogue.html**: dbt's page of every model, its code, what it reads, and which reports are made of
    it. Nights write that one too, whenever the project has changed.
    """
    from kho.contract import ContractError
    from kho.dictionary import place, write
    from kho.settings import settings
    from kho.transform import TransformError

    try:
        with umask(OF_CALLER if out else PRIVATE):
            written = write(settings(), out or place(settings()))
    except (ContractError, TransformError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    for path in written:
        typer.echo(path)
