"""`kho rebuild`: the warehouse comes back from its archive, where there is no backup."""

from __future__ import annotations

import typer

from kho.cli.output import fail, progress
from kho.settings import settings


def rebuild() -> None:
    """Bring the warehouse back from its archive alone, into an empty one: deliveries, batches, rejects, decisions, reports.

    Needs, in the folder that KHO_HOME names: `archive/` with the ledger's history in it, as the last night left it; the file
    `secrets/hash_key` of that warehouse; and contracts and seeds, where the installation has its own. Every batch is loaded
    again under its number, by the contract that it was loaded by. The next night builds tables, figures and marts.

    Killed or interrupted, the same command goes on; until it is through, no night builds. Exit code 1 when it can't be done,
    or when batches could not be brought back as they were: these are named.

    Example: `KHO_HOME=/srv/kho kho rebuild`, then `kho up`, then `kho run --date` with the date that it prints
    """
    from kho import rebuild as rebuilding
    from kho.ledger import schema
    from kho.server import postgres

    try:
        with progress() as say:
            postgres.launch(settings())
            postgres.create_databases(settings())
            schema.prepare(settings())
            rebuilt = rebuilding.rebuild(settings(), say)
    except (rebuilding.RebuildError, OSError, RuntimeError) as problem:
        fail(str(problem))
    typer.echo(f"{rebuilt.head.batches:,} batches are back, with what was decided on them")
    then = f"kho run --date {rebuilt.head.night}" if rebuilt.head.night else "kho run"
    typer.echo(f"Start it: kho up. Then build and publish: {then}")
    told = [f"batch {number} is unreadable: {why}" for number, why in rebuilt.lost.items()]
    told += [f"batch {number} is not as it was: {how}" for number, how in rebuilt.differing.items()]
    if told:
        fail("\n".join(told))
