"""Small releases and batches made by SQL, for tests of what gates do with them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from tenacity import wait_none

from kho.database import connect
from kho.fetch import transport
from kho.ledger import releases
from kho.publish import release
from kho.settings import Settings
from kho.transform import builds
from tests.owner import as_owner


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for again after trouble is asked for at once."""
    monkeypatch.setattr(transport, "WAIT", wait_none())


@pytest.fixture
def candidate(warehouse: Settings) -> Callable[..., releases.Release]:
    """Makes a candidate whose marts are these queries: `candidate(first="select 1 as n")`.

    By default there are `first` and `second`, whose `version` is the release's number: a reader that meets two
    versions has met two releases.
    """
    return partial(_candidate, warehouse)


def _candidate(settings: Settings, night: date = date(2021, 1, 31), **marts: str) -> releases.Release:
    builds.open_build(settings, night)
    builds.close_build(settings)
    made = release.open_release(settings)
    version = sql.SQL("select {} as version, n from generate_series(1, 100) n").format(made.release_id)
    queries = {mart: sql.SQL(query) for mart, query in marts.items()} or {"first": version, "second": version}
    with connect(settings, "kho_transformer") as connection:
        for mart, query in queries.items():
            connection.execute(
                sql.SQL("create table {} as {}").format(sql.Identifier(made.schema_name, mart), query)
            )
    return made


@pytest.fixture
def hand_over(warehouse: Settings) -> Callable[..., int]:
    """Enters a pending batch as the load step does: `hand_over("one_stop.dossiers", "2021-01-31", rejected=3)`.

    Gives the batch's number. The same name and date again is a newer arrival of the same delivery.
    """
    return partial(_hand_over, warehouse)


def _hand_over(
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
