"""Open data: what a release has for the public, as files that tell what they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kho.database import connect, the_row
from kho.ledger import releases
from kho.open_data import dcat, frictionless
from kho.open_data.folder import FolderError, replaced
from kho.open_data.tables import TABLES, Package, Terms, described, provinces, write_table
from kho.settings import Settings

__all__ = ["FolderError", "Terms", "export"]


def export(
    settings: Settings,
    folder: Path,
    terms: Terms,
    tell: Callable[[str, int], None] = lambda table, rows: None,
) -> Package:
    """Write the public tables of the release in force, each as CSV and Parquet, with what describes them, into this folder.

    The folder appears whole or not at all; one that an earlier export made is replaced. The same release and terms give the
    same bytes. `tell` hears of each table how many rows there are so far. Raises `FolderError` where the folder is somebody
    else's, and `LookupError` where nothing was released yet.
    """
    with (
        replaced(folder, frictionless.NAME, frictionless.FILE) as draft,
        connect(settings, "kho_auditor") as connection,
    ):
        # One release: who has begun to read keeps it from turning.
        connection.execute("set transaction isolation level repeatable read, read only")
        release = releases.find_in_force(connection)
        if release is None:
            raise LookupError("nothing is released yet: `kho run` makes a night")
        (is_there,) = the_row(connection.execute("select to_regclass('marts.public_month') is not null"))
        if not is_there:
            raise LookupError(
                f"release {release.release_id} has no public_month yet: the next night makes it"
            )
        given = Terms(terms.publisher or provinces(connection), terms.licence)
        package = Package(
            release,
            given,
            [write_table(connection, described(connection, table), draft, tell) for table in TABLES],
        )
        frictionless.write(package, draft / frictionless.FILE)
        dcat.write(package, draft / dcat.FILE)
    return package
