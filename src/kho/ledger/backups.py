"""Backups in the ledger: when the last one was made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from kho.database import connect
from kho.settings import Settings

#: older than this, a backup that each night makes is missed
LATE = timedelta(hours=48)


class Backup(NamedTuple):
    """A backup that was whole when it was made. `size_bytes`: what it wrote; `files_lost`: of the archive, that it could not read."""

    place: str
    name: str
    made_at: datetime
    size_bytes: int
    files_lost: int


def write(settings: Settings, place: str, name: str, size_bytes: int, files_lost: int) -> None:
    """Write down that a backup was made."""
    with connect(settings, "kho_operator") as connection:
        connection.execute(
            "insert into ledger.backup (place, name, size_bytes, files_lost) values (%s, %s, %s, %s)",
            [place, name, size_bytes, files_lost],
        )


def last(connection: psycopg.Connection) -> Backup | None:
    """The newest one."""
    with connection.cursor(row_factory=class_row(Backup)) as cursor:
        return cursor.execute(
            "select place, name, made_at, size_bytes, files_lost from ledger.backup order by backup_id desc limit 1"
        ).fetchone()


def files(connection: psycopg.Connection) -> list[str]:
    """The names, by their sha256, of all files that the archive has by the ledger."""
    # The ledger of an older backup does not know that files can be removed.
    found = connection.execute(
        "select distinct sha256 from ledger.arrival where to_jsonb(arrival) ->> 'rows_removed_at' is null order by 1"
    )
    return [name for (name,) in found]


def state(connection: psycopg.Connection) -> tuple[str, int | None, int]:
    """What a backup says of itself: the ledger's version, the release in force, and how many batches there are."""
    (version,) = connection.execute("select version_num from ledger.migration").fetchone() or ("",)
    (release,) = connection.execute(
        "select max(release_id) from ledger.release where state = 'in_force'"
    ).fetchone() or (None,)
    (batches,) = connection.execute("select count(*) from ledger.batch").fetchone() or (0,)
    return version, release, batches
