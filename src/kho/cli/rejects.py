"""`kho rejects`: rows that did not get in, why, and how they get in after all."""

from __future__ import annotations

from typing import Annotated

import typer

from kho.cli.output import Format, fail, show_rows

app = typer.Typer(no_args_is_help=True, help="Rejects: rows that could not be loaded, and why.")

Batch = Annotated[int, typer.Argument(help="Number of the batch, as `kho rejects list` shows it.")]


@app.command("list")
def list_rejects(
    contract: Annotated[str | None, typer.Option(help="Of this contract only: one_stop.dossiers.")] = None,
    output_format: Format = "table",
) -> None:
    """How many rows of each batch were rejected, by reason; newest batch first."""
    from kho.ledger import rejects
    from kho.settings import settings

    columns = ("batch", "contract", "file", "state", "reason", "rows")
    show_rows("Rejects", columns, rejects.counts(settings(), contract), output_format)


@app.command()
def show(
    batch_id: Batch,
    limit: Annotated[int | None, typer.Option(help="At most this many rows.", min=1)] = None,
    output_format: Format = "table",
) -> None:
    """The rejected rows of a batch: file, row (1 is the first below the header), offset in bytes, every reason."""
    from kho.ledger import rejects
    from kho.settings import settings

    try:
        found = rejects.rows(settings(), batch_id, limit)
    except LookupError as error:
        fail(str(error))
    show_rows(
        f"Rejects of batch {batch_id}", ("file", "row", "offset", "reasons", "text"), found, output_format
    )


@app.command()
def replay(batch_id: Batch) -> None:
    """Load a batch's file again, after its contract was mended; the next night's boundary decides on it."""
    from kho.contract import ContractError, paths, read_contract
    from kho.ledger import audit, batches
    from kho.load import replay as load_again
    from kho.settings import settings

    here = settings()
    try:
        name = batches.contract_of(here, batch_id)
        path = paths(here).get(name)
        if path is None:
            fail(f"there is no contract {name} any more: batch {batch_id} can't be replayed")
        batch = load_again(here, read_contract(path), batch_id)
    except (LookupError, ValueError, ContractError) as error:
        fail(str(error))
    audit.write(here, "batch replayed", f"{batch_id} as {batch.batch_id}")
    typer.echo(
        f"Batch {batch.batch_id} of {batch.name}: {batch.rows_loaded} of {batch.rows_in_file} rows loaded,"
        f" {batch.rows_rejected} rejected. It takes the place of batch {batch_id} when the boundary accepts it:"
        " `kho run` makes a night now."
    )
