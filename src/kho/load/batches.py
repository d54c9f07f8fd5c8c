"""Batches: one load of one arrival under one version of its contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from psycopg import Connection
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from kho import archive
from kho.contract import Contract
from kho.database import connect
from kho.formats import Unreadable, open_export, other_encoding
from kho.formats.header import Match, expect_header
from kho.load import raw
from kho.load.judge import cell, judge
from kho.load.landing import land
from kho.load.signs import signs
from kho.settings import Settings


@dataclass(frozen=True)
class Batch:
    """What a load left behind. `rows_in_file` is the sum of the other three: the ledger holds it to that."""

    batch_id: int
    name: str
    state: Literal["pending", "unreadable"]
    reason: str | None
    rows_in_file: int
    rows_loaded: int
    rows_rejected: int
    rows_skipped: int


@dataclass(frozen=True)
class _Arrival:
    arrival_id: int
    delivery_id: int
    name: str
    business_date: Any
    sha256: str
    control_rows: int | None


def load(settings: Settings, contract: Contract) -> list[Batch]:
    """Load every arrival of the contract that has no batch yet, oldest first, one transaction each.

    An arrival whose bytes can't be read by the contract becomes an unreadable batch; the others go on.
    """
    with connect(settings, "kho_loader") as connection:
        raw.ensure(connection, settings, contract)
        waiting = connection.execute(
            """
            select a.arrival_id, d.delivery_id, d.name, d.business_date, a.sha256, a.control_rows
            from ledger.arrival a join ledger.delivery d using (delivery_id)
            where d.contract = %s and not exists (select from ledger.batch b where b.arrival_id = a.arrival_id)
            order by d.business_date, a.arrival_id
            """,
            [contract.name],
        ).fetchall()
    with connect(settings, "kho_loader", autocommit=True) as connection:
        loaded = [_load(settings, connection, contract, _Arrival(*row), is_replay=False) for row in waiting]
    return [batch for batch in loaded if batch]


def replay(settings: Settings, contract: Contract, batch_id: int) -> Batch:
    """Load a batch's bytes again under the contract as it is now; the boundary decides whether it takes the old one's place.

    Raises `LookupError` when there is no such batch, `ValueError` when nothing could come out differently.
    """
    with connect(settings, "kho_loader") as connection:
        raw.ensure(connection, settings, contract)
        row = connection.execute(
            """
            select a.arrival_id, d.delivery_id, d.name, d.business_date, a.sha256, a.control_rows,
              b.contract_fingerprint, (select max(l.batch_id) from ledger.batch l where l.delivery_id = d.delivery_id)
            from ledger.batch b join ledger.arrival a using (arrival_id) join ledger.delivery d on d.delivery_id = a.delivery_id
            where b.batch_id = %s and b.contract = %s
            """,
            [batch_id, contract.name],
        ).fetchone()
    if row is None:
        raise LookupError(f"{contract.name} has no batch {batch_id}: `kho batch list` shows them")
    *arrival, fingerprint, newest = row
    if newest != batch_id:
        raise ValueError(f"batch {batch_id} is not the newest of its delivery: replay batch {newest}")
    if fingerprint == contract.fingerprint:
        raise ValueError(
            f"batch {batch_id} was loaded by this very contract: mend the contract first, or the codes it maps, then replay"
        )
    with connect(settings, "kho_loader", autocommit=True) as connection:
        batch = _load(settings, connection, contract, _Arrival(*arrival), is_replay=True)
    assert batch is not None
    return batch


def _load(
    settings: Settings, connection: Connection, contract: Contract, arrival: _Arrival, *, is_replay: bool
) -> Batch | None:
    """One file, one transaction; None when another process has loaded it meanwhile."""
    with connection.transaction():
        connection.execute(
            "select pg_advisory_xact_lock(hashtext('kho load'), %s::int)", [arrival.arrival_id]
        )
        is_loaded = connection.execute(
            "select 1 from ledger.batch where arrival_id = %s limit 1", [arrival.arrival_id]
        ).fetchone()
        if is_loaded and not is_replay:
            return None
        (batch_id,) = connection.execute(
            "select nextval(pg_get_serial_sequence('ledger.batch', 'batch_id'))"
        ).fetchone()
        try:
            with connection.transaction():
                path, secret = archive.path(settings, arrival.sha256), settings.secret("hash_key")
                batch, profile = fill(
                    connection, contract, path, arrival.name, arrival.control_rows, batch_id, secret
                )
        except Unreadable as problem:
            batch, profile = unreadable(batch_id, arrival.name, problem)
        _enter(connection, contract, arrival, batch, profile)
        return batch


def unreadable(batch_id: int, name: str, problem: Unreadable) -> tuple[Batch, dict[str, Any]]:
    """The batch of a file that could not be read, and its empty profile."""
    return Batch(batch_id, name, "unreadable", str(problem), 0, 0, 0, 0), {}


def fill(
    connection: Connection,
    contract: Contract,
    path: Path,
    name: str,
    control_rows: int | None,
    batch_id: int,
    secret: str,
) -> tuple[Batch, dict[str, Any]]:
    """Put the rows of a file into the raw table and the rejects: the batch and its profile.

    Raises `Unreadable` when the file as a whole can't be read by its contract.
    """
    try:
        export = open_export(contract, path)
        found = expect_header(contract, export.header)
    except Unreadable as problem:
        likely = other_encoding(contract, path)
        raise Unreadable(f"{problem}; {likely}" if likely else str(problem)) from None
    landed = land(connection, export, batch_id)
    judged = judge(connection, contract, found, export.header, batch_id, secret)
    _place_rejects(connection, landed, batch_id)
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
    missing = found.missing
    if export.seen_columns is not None and landed.row_count > landed.rejected:
        missing = [
            column.header
            for column in contract.columns
            if column.header not in export.seen_columns and not column.keys.may_be_absent
        ]
    reasons = _count_reasons(connection, batch_id)
    profile = {
        "missing_columns": missing,
        "unknown_columns": dict(export.unknown_columns) or _count_unknown(connection, contract, found),
        "respelled_columns": found.respelled,
        "notes": export.notes,
        "header_row": export.header_row,
        "rejects_by_reason": reasons,
        "columns": _profile(connection, contract, batch_id),
        "duplicate_rows": judged.duplicates,
        "control_rows": control_rows,
        "skipped_by_reason": dict(skipped),
        **signs(connection, contract, found, batch_id, name, landed.row_count, reasons),
    }
    if profile["garbled"][0] or any(why.startswith("row: a character is not") for why in reasons):
        profile["other_encoding"] = other_encoding(contract, path)
    return batch, profile


def _place_rejects(connection: Connection, landed: Any, batch_id: int) -> None:
    numbers = [
        number
        for (number,) in connection.execute(
            "select row_number from reject.rejected_row where batch_id = %s", [batch_id]
        )
    ]
    offsets = landed.offset(numbers) if numbers else None
    if offsets is not None:
        connection.execute(
            """
            update reject.rejected_row r set byte_offset = place.byte_offset
            from unnest(%s::bigint[], %s::bigint[]) as place (row_number, byte_offset)
            where r.batch_id = %s and r.row_number = place.row_number
            """,
            [numbers, offsets, batch_id],
        )


def _count_reasons(connection: Connection, batch_id: int) -> dict[str, int]:
    return dict(
        connection.execute(
            "select reason, count(*) from reject.rejected_row, unnest(reasons) as reason where batch_id = %s group by reason",
            [batch_id],
        ).fetchall()
    )


def _count_unknown(connection: Connection, contract: Contract, found: Match) -> dict[str, int]:
    """How many values each column has that the contract does not know: only that is kept of them."""
    if not found.unknown:
        return {}
    counts = connection.execute(
        SQL("select {} from pg_temp.landing").format(
            SQL(", ").join(
                SQL("count({})").format(cell(contract, position)) for position in found.unknown.values()
            )
        )
    ).fetchone()
    return dict(zip(found.unknown, counts, strict=True))


def _profile(connection: Connection, contract: Contract, batch_id: int) -> dict[str, dict[str, Any]]:
    """Nulls of every stored column, range of numbers and times, and how many of a value set occur."""
    measures, names = [], []
    for column in contract.stored:
        name = Identifier(column.name)
        names.append((column.name, "nulls"))
        measures.append(SQL("count(*) - count({})").format(name))
        if column.type in ("integer", "number", "date", "timestamp"):
            names += [(column.name, "min"), (column.name, "max")]
            measures += [SQL("min({})::text").format(name), SQL("max({})::text").format(name)]
        if column.values:
            names.append((column.name, "distinct"))
            measures.append(SQL("count(distinct {})").format(name))
    values = connection.execute(
        SQL("select {} from {} where _batch_id = %s").format(SQL(", ").join(measures), raw.table(contract)),
        [batch_id],
    ).fetchone()
    profile: dict[str, dict[str, Any]] = {}
    for (column_name, measure), value in zip(names, values, strict=True):
        profile.setdefault(column_name, {})[measure] = value
    return profile


def _enter(
    connection: Connection, contract: Contract, arrival: _Arrival, batch: Batch, profile: dict[str, Any]
) -> None:
    connection.execute(
        "insert into ledger.contract (contract, version, fingerprint, body) values (%s, %s, %s, %s) on conflict do nothing",
        [contract.name, contract.version, contract.fingerprint, contract.body],
    )
    connection.execute(
        """
        insert into ledger.batch (
          batch_id, arrival_id, delivery_id, contract, contract_version, contract_fingerprint, business_date, state, reason,
          rows_in_file, rows_loaded, rows_rejected, rows_skipped, profile
        ) overriding system value values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            batch.batch_id,
            arrival.arrival_id,
            arrival.delivery_id,
            contract.name,
            contract.version,
            contract.fingerprint,
            arrival.business_date,
            batch.state,
            batch.reason,
            batch.rows_in_file,
            batch.rows_loaded,
            batch.rows_rejected,
            batch.rows_skipped,
            Jsonb(profile),
        ],
    )
    connection.execute(
        "insert into ledger.batch_event (batch_id, to_state, actor, reason) values (%s, %s, 'load', %s)",
        [batch.batch_id, batch.state, batch.reason],
    )
