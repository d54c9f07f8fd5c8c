"""Rebuilding: from the archive alone an empty warehouse comes back, as it was when the last night ended.

Beside its files the archive keeps the ledger's history, which every night writes anew. A rebuild enters it, then loads each
batch's bytes again under its old number, by the contract that they were loaded by. The next night builds all else.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg

from kho.archive import Archive
from kho.contract import Contract, ContractError, contracts, parse_contract
from kho.database import connect, session
from kho.formats import Unreadable
from kho.ledger import decisions, deliveries, history, locks
from kho.ledger.hash_keys import WrongHashKey, hash_key
from kho.ledger.history import Damaged, Head, HistoryError, Missing
from kho.load import again, raw
from kho.settings import Settings

#: beside the files of the archive
HISTORY = "ledger.jsonl.gz"

_PATIENCE = timedelta(seconds=30)  # the server may need some of it to see that a killed rebuild is gone

Say = Callable[[str, int, int], None]


class RebuildError(Exception):
    """A rebuild that can't be done; the message says why and what to do."""


@dataclass
class Rebuilt:
    """What came back, as `head` told of it. By number of batch: `lost`, why its bytes could not be read, and `differing`, how other
    its rows are than they were."""

    head: Head
    lost: dict[int, str] = field(default_factory=dict)
    differing: dict[int, str] = field(default_factory=dict)


def keep_history(settings: Settings) -> None:
    """Write beside the archive what the ledger knows now. Raises `HistoryError` rather than put it in the place of another ledger's."""
    archive = Archive.of(settings)
    with connect(settings, "kho_auditor") as connection:
        try:
            with _history(settings) as lines:
                is_ours = history.is_of(connection, history.head(next(lines, "")))
        except (FileNotFoundError, Damaged):  # of a damaged one nothing could be rebuilt
            is_ours = True
    if not is_ours:
        raise HistoryError(
            f"{settings.archive / HISTORY} tells of another warehouse than this one, or of a later state of it: `kho rebuild`"
            " brings that back into an empty warehouse. If it is not needed any more, move the file away"
        )
    with (
        connect(settings, "kho_auditor") as connection,
        archive.writing(HISTORY) as file,
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, filename="", mtime=0) as packed,
    ):
        for line in history.lines(connection):
            packed.write(line.encode())
            packed.write(b"\n")


def rebuild(settings: Settings, say: Say = lambda what, done, of: None) -> Rebuilt:
    """Bring back ledger, raw and rejects of the archive's warehouse, on a server that has nothing of it.

    Killed, it goes on when it is run again. Raises `RebuildError`. A batch whose bytes are lost or can't be read any more
    becomes an unreadable one, and stops nothing else.
    """
    say("the ledger", 0, 0)
    with connect(settings, "kho_loader", autocommit=True) as loader, _owner(settings) as keeper:
        locks.hold(loader, "rebuild", _PATIENCE)
        try:
            with _history(settings) as lines:
                rebuilt = Rebuilt(history.head(next(lines, "")))
            _expect_key(settings)
            _enter(settings, keeper)
            with _history(settings) as lines:
                states = history.states(lines)
        except FileNotFoundError:
            raise RebuildError(
                f"{settings.archive / HISTORY} is not there: every night leaves it in the archive. Bring the archive back first"
            ) from None
        except Damaged as problem:
            raise RebuildError(
                f"{settings.archive / HISTORY} is damaged ({problem}): bring it from another copy of the archive"
            ) from None
        except (HistoryError, OSError) as problem:
            raise RebuildError(str(problem)) from None
        key = hash_key(settings, loader)
        left = history.missing(loader)
        there = raw.batches(loader)
        for done, batch in enumerate(left):
            say(f"{batch.contract} {batch.batch_id}", done, len(left))
            if (
                batch.batch_id in there
            ):  # it was killed before it could say so: how many rows there were is not known any more
                raw.remove(loader, batch.contract, batch.batch_id)
            with keeper.transaction():
                _bring(settings, loader, keeper, batch, states[batch.batch_id], key, rebuilt)
        history.finish(keeper, *_told(rebuilt))
    return rebuilt


def _bring(
    settings: Settings,
    loader: psycopg.Connection,
    keeper: psycopg.Connection,
    batch: Missing,
    was: tuple[str, str | None],
    key: str,
    rebuilt: Rebuilt,
) -> None:
    try:
        contract, notes = _contract(settings, loader, batch)
        now = again(
            settings, loader, contract, deliveries.arrival(loader, batch.arrival_id), batch.batch_id, key
        )
    except (Unreadable, ContractError) as problem:
        history.lose(keeper, batch.batch_id, str(problem), decisions.LOADER)
        rebuilt.lost[batch.batch_id] = str(problem)
        return
    counts = (now.rows_loaded, now.rows_rejected)
    is_other = counts != batch.rows
    if is_other:
        notes.append(
            f"{counts[0]} rows loaded and {counts[1]} rejected, and not {batch.rows[0]} and {batch.rows[1]} as then"
        )
    if notes:
        rebuilt.differing[batch.batch_id] = ", ".join(notes)
    history.bring_back(
        keeper,
        batch.batch_id,
        *was,
        (now.rows_in_file, now.rows_loaded, now.rows_rejected, now.rows_skipped) if is_other else None,
    )


def _contract(
    settings: Settings, connection: psycopg.Connection, batch: Missing
) -> tuple[Contract, list[str]]:
    """The contract that a batch was loaded by, today's where that one can't be used any more; and what is other than then."""
    system, _, entity = batch.contract.partition(".")
    path = settings.contracts / system / f"{entity}.yaml"
    try:
        then = parse_contract(path, batch.body.encode())
        if not raw.problems(connection, then):
            is_same = then.fingerprint == batch.fingerprint
            return then, [] if is_same else ["loaded with the codes of today"]
    except ContractError:
        pass
    now = contracts(settings, system).get(batch.contract)
    if now is None:
        raise ContractError(
            path, ["neither the contract that it was loaded by can be used, nor one of today"]
        )
    return now, ["loaded by today's contract, for the one of then can't be used any more"]


def _expect_key(settings: Settings) -> None:
    """See that the key is there before a new one is made, by which everybody would be somebody else."""
    path = settings.home / "secrets" / "hash_key"
    if not path.is_file():
        raise RebuildError(
            f"{path} is not there: by this key people are told apart, and it is in no archive. Put the one in its place that"
            " the warehouse had, from a backup or a safe"
        )


def _enter(settings: Settings, connection: psycopg.Connection) -> None:
    """Enter the history, unless a rebuild that was killed did so."""
    with connection.transaction():
        if history.is_unfinished(connection):
            return
        if not history.is_empty(connection):
            raise RebuildError(
                "this warehouse is not empty: it is rebuilt into one that has nothing. Name an empty database (`warehouse_url`), or"
                " another home (KHO_HOME) with a copy of the archive and of `secrets/hash_key`"
            )
        with _history(settings) as lines:
            history.enter(connection, lines)
        try:
            hash_key(settings, connection)
        except WrongHashKey:
            raise RebuildError(
                f"{settings.home / 'secrets' / 'hash_key'} is not the key by which people were told apart in this warehouse: put"
                " that one in its place, from a backup or a safe"
            ) from None


@contextmanager
def _owner(settings: Settings) -> Iterator[psycopg.Connection]:
    """The ledger's owner, as whom only the administrator may act."""
    with psycopg.connect(
        settings.admin_url(),
        options=f"{session()} -c role=kho_owner",
        application_name="kho rebuild",
        autocommit=True,
    ) as connection:
        yield connection


@contextmanager
def _history(settings: Settings) -> Iterator[Iterator[str]]:
    """The lines of the history that is beside the archive. Raises `FileNotFoundError`, and `Damaged` where they are read."""
    with (
        Archive.of(settings).beside(HISTORY) as file,
        gzip.GzipFile(fileobj=file) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
    ):
        yield _whole(text)


def _whole(text: Iterator[str]) -> Iterator[str]:
    try:
        for line in text:
            yield line.rstrip("\n")
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise Damaged(str(error)) from None


def _told(rebuilt: Rebuilt) -> tuple[str, str]:
    """What the audit trail has of it."""
    notes = [
        f"{len(numbers)} {what}: {', '.join(map(str, sorted(numbers)[:20]))}"
        for what, numbers in (("unreadable", rebuilt.lost), ("other than before", rebuilt.differing))
        if numbers
    ]
    return f"{rebuilt.head.batches} batches", "; ".join(notes)
