"""Batches that are entered by SQL, as if they had been loaded."""

from __future__ import annotations

import uuid
from typing import Any

from psycopg.types.json import Jsonb

from kho.settings import Settings
from tests.owner import as_owner


def hand_over(
    settings: Settings,
    contract: str,
    day: str,
    *,
    name: str | None = None,
    state: str = "pending",
    reason: str | None = None,
    rows: int = 100,
    rejected: int = 0,
    skipped: int = 0,
    **profile: Any,
) -> int:
    """A batch of this contract; gives its number. The same name and date again is a newer arrival of the same delivery."""
    defaults = {
        "missing_columns": [],
        "unknown_columns": {},
        "respelled_columns": {},
        "rejects_by_reason": {"row: broken": rejected} if rejected else {},
        "columns": {},
        "duplicate_rows": 0,
        "control_rows": None,
        "skipped_by_reason": {},
    }
    file = name or f"{contract.split('.')[1]}_{day.replace('-', '')}.csv"
    with as_owner(settings) as connection:
        (delivery,) = connection.execute(
            "insert into ledger.delivery (contract, name, business_date) values (%s, %s, %s)"
            " on conflict (contract, name, business_date) do update set name = excluded.name returning delivery_id",
            [contract, file, day],
        ).fetchone()
        (arrival,) = connection.execute(
            "insert into ledger.arrival (delivery_id, sha256, size_bytes) values (%s, %s, 1) returning arrival_id",
            [delivery, uuid.uuid4().hex],
        ).fetchone()
        (batch,) = connection.execute(
            """
            insert into ledger.batch (arrival_id, delivery_id, contract, contract_version, contract_fingerprint,
              business_date, state, reason, rows_in_file, rows_loaded, rows_rejected, rows_skipped, profile)
            values (%s, %s, %s, '1.0.0', '', %s, %s, %s, %s, %s, %s, %s, %s) returning batch_id
            """,
            [
                arrival,
                delivery,
                contract,
                day,
                state,
                reason,
                0 if state == "unreadable" else rows,
                0 if state == "unreadable" else rows - rejected - skipped,
                rejected,
                skipped,
                Jsonb({} if state == "unreadable" else defaults | profile),
            ],
        ).fetchone()
        connection.execute(
            "insert into ledger.batch_event (batch_id, to_state, actor, reason) values (%s, %s, 'load', %s)",
            [batch, state, reason],
        )
    return batch
