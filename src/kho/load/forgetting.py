"""Rows of who is forgotten are taken out of the archived file itself: no load, of whatever time, can bring them back."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal

from kho.archive import Archive, nameless
from kho.contract import Contract
from kho.formats import Unreadable, blanking
from kho.ledger import forgetting
from kho.ledger.deliveries import Arrival
from kho.ledger.forgetting import FORGOTTEN, Tombstone
from kho.load import judge, raw
from kho.settings import Settings

_SOME = 1 << 20


def sign_of(key: str) -> Callable[[str], str]:
    """What makes the sign of a text by the hash key: the same as a hashed column's."""
    begun = hmac.new(key.encode(), digestmod="sha256")

    def sign(text: str) -> str:
        made = begun.copy()
        made.update(text.encode())
        return made.hexdigest()

    return sign


def taken_out(
    settings: Settings,
    connection: Connection,
    contract: Contract,
    arrival: Arrival,
    key: str,
    tombstones: Collection[Tombstone],
) -> Arrival:
    """The arrival, after its archived file was written anew without rows of who is forgotten, if it has any.

    In the caller's transaction; the old file is removed later on. Raises `Unreadable` where a row can't be taken out.
    """
    wanted = forgetting.columns(contract, tombstones)
    if not wanted:
        return arrival
    with Archive.of(settings).plain(arrival.sha256) as path:
        try:
            with _blanked(settings, contract, path, key, wanted) as (rows, file):
                if not rows:
                    return arrival
                stored = Archive.of(settings).store(_chunks(file))
        except blanking.NotRewritable as problem:
            raise Unreadable(
                f"it holds rows of who is forgotten: let the source hand it over without them; {problem}"
            ) from None
        except Unreadable:
            return arrival  # nothing of it can be loaded; the load says why
    forgetting.rewrite(connection, arrival.arrival_id, arrival.sha256, stored, rows, was_loaded=False)
    return replace(arrival, sha256=stored.sha256)


def rows_of_the_forgotten(
    settings: Settings, contract: Contract, sha256: str, key: str, tombstones: Collection[Tombstone]
) -> dict[int, set[str]]:
    """The rows of an archived file that are of who is forgotten, each with the texts by which it is.

    Raises `NotRewritable` where they can't be taken out, `Unreadable`, `Lost`.
    """
    wanted = forgetting.columns(contract, tombstones)
    with (
        Archive.of(settings).plain(sha256) as path,
        _blanked(settings, contract, path, key, wanted) as (rows, _),
    ):
        return rows


def take_out(
    settings: Settings,
    connection: Connection,
    contract: Contract,
    arrival: Arrival,
    key: str,
    tombstones: Collection[Tombstone],
) -> int:
    """Take rows of who is forgotten out of a file that may have been loaded, of raw and of the rejects: gives how many.

    In the caller's transaction, which nobody else's load of it outlasts.
    """
    now = taken_out(settings, connection, contract, arrival, key, tombstones)
    if now is arrival:
        return 0
    rows = forgetting.rows_of(connection, arrival.arrival_id)
    for batch_id in forgetting.batches_of(connection, arrival.arrival_id):
        of_batch: list[Any] = [batch_id, rows]
        loaded = connection.execute(
            SQL("delete from {} where _batch_id = %s and _row_number = any(%s)").format(raw.table(contract)),
            of_batch,
        ).rowcount
        rejected = connection.execute(
            "delete from reject.rejected_row where batch_id = %s and row_number = any(%s)", of_batch
        ).rowcount
        forgetting.recount(connection, batch_id, loaded, rejected, _reasons_of(connection, batch_id))
        if loaded:
            forgetting.leave_out(connection, arrival.arrival_id, rows)
    return len(rows)


def take_out_of_raw(
    connection: Connection,
    contract: Contract,
    arrival: Arrival,
    key: str,
    tombstones: Collection[Tombstone],
) -> None:
    """The same of raw alone, for a file that is lost: by what stands there."""
    wanted = forgetting.columns(contract, tombstones)
    stored = [column for column in contract.stored if column.name in wanted]
    if not stored:
        return
    judge.prepare(connection, key)
    conditions = [
        SQL("{} = any({})").format(
            Identifier(column.name)
            if column.keys.personal_data
            else judge.hmac_of(SQL("{}::text").format(Identifier(column.name))),
            Literal(sorted(wanted[column.name])),
        )
        for column in stored
    ]
    for batch_id in forgetting.batches_of(connection, arrival.arrival_id):
        rows = [
            number
            for (number,) in connection.execute(
                SQL("delete from {} where _batch_id = %s and ({}) returning _row_number").format(
                    raw.table(contract), SQL(" or ").join(conditions)
                ),
                [batch_id],
            )
        ]
        if rows:
            forgetting.leave_out(connection, arrival.arrival_id, rows)
            forgetting.recount(connection, batch_id, len(rows), 0, _reasons_of(connection, batch_id))


def tell(connection: Connection, arrival_id: int, profile: dict[str, Any]) -> None:
    """Say of the blank rows of a profile which are forgotten ones."""
    skipped: dict[str, int] = profile["skipped_by_reason"]
    gone = min(len(forgetting.rows_of(connection, arrival_id)), skipped.get("blank row", 0))
    if gone:
        skipped["blank row"] -= gone
        profile["skipped_by_reason"] = {why: count for why, count in skipped.items() if count} | {
            FORGOTTEN: gone
        }


def _reasons_of(connection: Connection, batch_id: int) -> dict[str, int]:
    found = connection.execute(
        "select reason, count(*) from reject.rejected_row, unnest(reasons) as reason where batch_id = %s group by reason",
        [batch_id],
    )
    return dict(found.fetchall())


@contextmanager
def _blanked(
    settings: Settings, contract: Contract, path: Path, key: str, wanted: dict[str, set[str]]
) -> Iterator[tuple[dict[int, set[str]], IO[bytes]]]:
    sign = sign_of(key)
    with nameless(settings.home) as place, place.open("r+b") as file:
        rows = blanking.blanked(
            contract,
            path,
            file,
            list(wanted),
            lambda name, text: sign(text) in wanted[name],
            settings.home,
        )
        file.seek(0)
        yield rows, file


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while some := file.read(_SOME):
        yield some
