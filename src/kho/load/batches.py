"""One load of one arrival: its bytes become a batch."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from psycopg import Connection

from kho.archive import Archive
from kho.contract import Contract, telling
from kho.database import connect, settled
from kho.formats import Export, Unreadable, open_export, other_encoding
from kho.formats.header import Match, expect_header, renamed
from kho.ledger import batches, deliveries, forgetting, locks, removals
from kho.ledger.batches import Batch
from kho.ledger.deliveries import Arrival
from kho.ledger.forgetting import Tombstone
from kho.ledger.hash_keys import hash_key
from kho.load import forgetting as forgotten
from kho.load import raw, ways
from kho.load.counts import counted
from kho.load.failure import LoadFailed, is_of_the_file, told, told_of_the_machine
from kho.load.judge import judge, prepare
from kho.load.landing import SOME_REJECTS, Landed, count_values, land
from kho.load.signs import signs
from kho.settings import Settings
from kho.time_limit import time_limit

#: before its date, that a delivery of changes tells of, by its frequency; others may tell of a quarter
USUAL_DAYS, USUAL_DAYS_OF_OTHERS = {"d": 31, "m": 62}, 124


def load(settings: Settings, contract: Contract) -> list[Batch]:
    """Load every arrival of the contract that has no batch yet, oldest first, one transaction each.

    An arrival whose bytes make the load fail becomes an unreadable batch; the others go on. Raises `LoadFailed` in the
    end when an arrival could not be loaded for another reason, as a lock or a full disk: it is tried again.
    """
    loaded, failed = [], []
    with connect(settings, "kho_loader", autocommit=True) as connection:
        with connection.transaction():
            raw.ensure(connection, settings, contract)
            waiting = deliveries.not_loaded(connection, contract.name)
            key = hash_key(settings, connection) if waiting else ""
            tombstones = forgetting.tombstones(connection)
        for arrival in waiting:
            try:
                loaded.append(
                    _load(settings, connection, contract, arrival, key, tombstones, is_replay=False)
                )
            except Exception as failure:
                name = telling.delivery(contract, arrival.name, arrival.business_date)
                failed.append(f"{name}: {told_of_the_machine(failure)}")
                if connection.closed:
                    break
    if failed:
        raise LoadFailed("; ".join(failed))
    return [batch for batch in loaded if batch]


def replay(settings: Settings, contract: Contract, batch_id: int) -> Batch:
    """Load a batch's bytes again under the contract as it is now; the boundary decides whether it takes the old one's place.

    Raises `LookupError` when there is no such batch, `ValueError` when nothing could come out differently.
    """
    with connect(settings, "kho_loader") as connection:
        raw.ensure(connection, settings, contract)
        row = batches.to_replay(connection, contract.name, batch_id)
        removed = removals.removed_on(connection, batch_id)
    if row is None:
        raise LookupError(f"{contract.name} has no batch {batch_id}: `kho batch list` shows them")
    arrival, fingerprint, newest, was_read = row
    if removed:
        raise ValueError(
            f"batch {batch_id} can't be replayed: its file was removed on {removed}, long after it was withdrawn"
        )
    if newest != batch_id:
        raise ValueError(f"batch {batch_id} is not the newest of its delivery: replay batch {newest}")
    if was_read and fingerprint == contract.fingerprint:
        raise ValueError(
            f"batch {batch_id} was loaded by this very contract: mend the contract first, or the codes it maps, then replay"
        )
    with connect(settings, "kho_loader", autocommit=True) as connection:
        key = hash_key(settings, connection)
        tombstones = forgetting.tombstones(connection)
        batch = _load(settings, connection, contract, arrival, key, tombstones, is_replay=True)
    assert batch is not None
    return batch


def again(
    settings: Settings, connection: Connection, contract: Contract, arrival: Arrival, batch_id: int, key: str
) -> Batch:
    """Bring back the rows of a batch that the ledger knows, under this number; what the ledger says of it stays.

    Raises `Unreadable` where its file can't be read, any more or by this contract.
    """
    with connection.transaction():
        raw.ensure(connection, settings, contract)
        try:
            arrival = forgotten.taken_out(
                settings, connection, contract, arrival, key, forgetting.tombstones(connection)
            )
            with (
                Archive.of(settings).plain(arrival.sha256) as path,
                locks.bounded(connection, f"raw.{contract.raw_table}"),
                connection.transaction(),
                settled(connection),
            ):
                batch, _ = fill(
                    connection,
                    contract,
                    path,
                    arrival.name,
                    arrival.business_date,
                    arrival.control_rows,
                    batch_id,
                    key,
                )
                return batch
        except Exception as failure:
            if not is_of_the_file(failure):
                raise
            raise told(failure) from None


def _load(
    settings: Settings,
    connection: Connection,
    contract: Contract,
    arrival: Arrival,
    key: str,
    tombstones: Collection[Tombstone],
    *,
    is_replay: bool,
) -> Batch | None:
    """One file, one transaction; None when another process has loaded it meanwhile."""
    with connection.transaction():
        if batches.lock_arrival(connection, arrival.arrival_id) and not is_replay:
            return None
        batch_id = batches.next_number(connection)
        try:
            arrival = forgotten.taken_out(settings, connection, contract, arrival, key, tombstones)
            with (
                Archive.of(settings).plain(arrival.sha256) as path,
                locks.bounded(connection, f"raw.{contract.raw_table}"),
                connection.transaction(),
                settled(connection),
            ):
                batch, profile = fill(
                    connection,
                    contract,
                    path,
                    arrival.name,
                    arrival.business_date,
                    arrival.control_rows,
                    batch_id,
                    key,
                )
                forgotten.tell(connection, arrival.arrival_id, profile)
                batches.enter(connection, contract, arrival, batch, profile)
        except Exception as failure:
            if not is_of_the_file(failure):
                raise
            batch, profile = unreadable(batch_id, arrival.name, told(failure))
            batches.enter(connection, contract, arrival, batch, profile)
        return batch


def unreadable(batch_id: int, name: str, problem: Unreadable) -> tuple[Batch, dict[str, Any]]:
    """The batch of a file that could not be read, and its empty profile."""
    return Batch(batch_id, name, "unreadable", str(problem), 0, 0, 0, 0), {}


def fill(
    connection: Connection,
    contract: Contract,
    path: Path,
    name: str,
    day: date,
    control_rows: int | None,
    batch_id: int,
    secret: str,
) -> tuple[Batch, dict[str, Any]]:
    """Put the rows of a file, the delivery of `day`, into the raw table and the rejects: the batch and its profile.

    Raises `Unreadable` when the file as a whole can't be read by its contract, or not in its time.
    """
    minutes = contract.file.max_load_minutes
    too_long = Unreadable(
        f"loading it took longer than {minutes:g} minutes: the contract's maxLoadMinutes. Is the export that much? Then raise"
        " it and replay the batch; if not, let the source hand over a good file"
    )
    with time_limit(60 * minutes, too_long) as until:
        prepare(connection, secret)
        export, found = _opened(contract, path)
        if ways.has_fast_way(contract, found, path):
            # What it needs takes longer to import than a small file to load.
            from kho.load.fast import load_rows

            landed, judged, unknown_counts = load_rows(
                connection, contract, export, found, path, batch_id, secret, day, until
            )
        else:
            landed = land(connection, export, batch_id, until)
            taken_off = raw.take_indexes_off(connection, contract, landed.size)
            judged = judge(connection, contract, export.header, batch_id, day, taken_off)
            unknown_counts = count_values(connection, contract, list(found.unknown))
        reasons = {}
        if landed.rejected or judged.rejected:
            _place_rejects(connection, landed, batch_id)
            reasons = _count_reasons(connection, batch_id)
        skipped = landed.skipped + type(landed.skipped)(judged.skipped)
        batch = Batch(
            batch_id,
            name,
            "pending",
            None,
            rows_in_file=landed.row_count,
            rows_loaded=judged.loaded,
            rows_rejected=landed.rejected + judged.rejected,
            rows_skipped=skipped.total(),
        )
        seen = {column.header for column in contract.columns if column.name in found.positions}
        if export.seen_columns is not None and landed.row_count > landed.rejected:
            seen = export.seen_columns
        missing = [
            column.header
            for column in contract.columns
            if column.header not in seen and not column.keys.may_be_absent
        ]
        unknown = export.unknown_places | found.places
        profile = {
            "missing_columns": missing,
            "unknown_columns": _by_place(export)
            or {
                telling.column(place, found.unknown[place]): count for place, count in unknown_counts.items()
            },
            "renamed_columns": renamed(missing, unknown),
            "respelled_columns": {
                header: f"column {position + 1}" for header, position in found.respelled.items()
            }
            | export.respelled_places,
            "notes": export.notes + _hidden(landed),
            "header_row": export.header_row,
            "rejects_by_reason": reasons,
            "duplicate_rows": judged.duplicates,
            "emptied": {header: count for header, count in judged.emptied.items() if count},
            "control_rows": control_rows,
            "skipped_by_reason": dict(skipped),
            "sums_off": judged.sums_off,
            **counted(
                connection,
                contract,
                batch_id,
                day,
                _oldest(contract, name, day),
                is_first=not batches.before(connection, contract.name, day, most=1),
            ),
            **signs(connection, contract, found, batch_id, name, landed.row_count, reasons),
        }
        if profile["garbled"][0] or any(why.startswith("row: a character is not") for why in reasons):
            profile["other_encoding"] = other_encoding(contract, path)
        return batch, profile


def _oldest(contract: Contract, name: str, day: date) -> date | None:
    """Since when a delivery usually tells; None where it is of any time: a full list, a dump."""
    if contract.file.load == "full" or contract.covers_from(name):
        return None
    return day - timedelta(days=USUAL_DAYS.get(contract.frequency or "", USUAL_DAYS_OF_OTHERS))


def _opened(contract: Contract, path: Path) -> tuple[Export, Match]:
    try:
        export = open_export(contract, path)
        return export, expect_header(contract, export.header)
    except Unreadable as problem:
        likely = other_encoding(contract, path)
        raise Unreadable(f"{problem}; {likely}" if likely else str(problem)) from None


def _hidden(landed: Landed) -> list[str]:
    if not landed.hidden:
        return []
    return [
        f'{landed.hidden} characters that nobody sees (zero-width signs, ="…") were taken out of its texts'
    ]


def _place_rejects(connection: Connection, landed: Landed, batch_id: int) -> None:
    """Say of the rejects that were split where they stand in the file, some at a time."""
    if landed.row_count <= SOME_REJECTS:  # to ask which they are takes as long as to tell it of all
        _place(connection, landed, batch_id, [*range(1, landed.last_placed + 1)])
        return
    last = 0
    while numbers := [
        number
        for (number,) in connection.execute(
            "select row_number from reject.rejected_row where batch_id = %s and row_number > %s and byte_offset is null"
            " order by row_number limit %s",
            [batch_id, last, SOME_REJECTS],
        )
    ]:
        last = numbers[-1]
        if not _place(connection, landed, batch_id, numbers) or len(numbers) < SOME_REJECTS:
            return


def _place(connection: Connection, landed: Landed, batch_id: int, numbers: list[int]) -> bool:
    """The same of those of these numbers; gives whether the file's rows have places."""
    offsets = landed.offset(numbers)
    if offsets is None:
        return False
    connection.execute(
        """
        update reject.rejected_row r set byte_offset = place.byte_offset
        from unnest(%s::bigint[], %s::bigint[]) as place (row_number, byte_offset)
        where r.batch_id = %s and r.row_number = place.row_number and r.byte_offset is null
        """,
        [numbers, offsets, batch_id],
    )
    return True


def _count_reasons(connection: Connection, batch_id: int) -> dict[str, int]:
    return dict(
        connection.execute(
            "select reason, count(*) from reject.rejected_row, unnest(reasons) as reason where batch_id = %s group by reason",
            [batch_id],
        ).fetchall()
    )


def _by_place(export: Export) -> dict[str, int]:
    return {export.unknown_places[header]: count for header, count in export.unknown_columns.items()}
