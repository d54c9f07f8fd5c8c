"""Help for tests that load: hand bytes over as a delivery, look at what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from kho.archive import Archive
from kho.contract import Contract, contracts
from kho.database import connect
from kho.load import Batch, load
from kho.settings import Settings


def deliver(
    settings: Settings, contract: Contract, name: str, data: bytes, day: date, control_rows: int | None = None
) -> int:
    """Enter a delivery with these bytes into archive and ledger, as a fetch does; gives the arrival."""
    with connect(settings, "kho_loader") as connection:
        return enter(connection, settings, contract, name, data, day, control_rows)


def enter(
    connection: psycopg.Connection,
    settings: Settings,
    contract: Contract,
    name: str,
    data: bytes,
    day: date,
    control_rows: int | None = None,
) -> int:
    """The same as a part of a larger transaction."""
    stored = Archive.of(settings).store([data])
    (delivery_id,) = connection.execute(
        """
        with known as (select delivery_id from ledger.delivery where (contract, name, business_date) = (%(c)s, %(n)s, %(d)s)),
        made as (
          insert into ledger.delivery (contract, name, business_date) select %(c)s, %(n)s, %(d)s
          where not exists (select from known) returning delivery_id
        )
        select delivery_id from known union all select delivery_id from made
        """,
        {"c": contract.name, "n": name, "d": day},
    ).fetchone()
    (arrival_id,) = connection.execute(
        """
        insert into ledger.arrival (delivery_id, sha256, size_bytes, control_rows) values (%s, %s, %s, %s)
        returning arrival_id
        """,
        [delivery_id, stored.sha256, stored.size_bytes, control_rows],
    ).fetchone()
    return arrival_id


def load_each(settings: Settings, files: Iterable[tuple[str, bytes]], day: date, called: str) -> list[Batch]:
    """Deliver and load these files, each given with its contract's name; their own names are made of `called`."""
    known, batches = contracts(settings), []
    names = set()
    with connect(settings, "kho_loader") as connection:
        for number, (name, data) in enumerate(files):
            enter(connection, settings, known[name], f"{called} {number}", data, day)
            names.add(name)
    for name in sorted(names):
        batches += load(settings, known[name])
    return batches


def rows(settings: Settings, query: str, *parameters: Any) -> list[dict[str, Any]]:
    """What a query gives, as the auditor (raw rows: as the transformer)."""
    role = "kho_transformer" if " raw." in query else "kho_auditor"
    with psycopg.connect(
        settings.role_url(role), row_factory=dict_row, options="-c TimeZone=Asia/Ho_Chi_Minh"
    ) as connection:
        return connection.execute(query, parameters).fetchall()


def raw_rows(settings: Settings, contract: Contract, batch_id: int) -> list[dict[str, Any]]:
    with psycopg.connect(
        settings.role_url("kho_transformer"), row_factory=dict_row, options="-c TimeZone=Asia/Ho_Chi_Minh"
    ) as connection:
        query = SQL("select * from {} where _batch_id = %s order by _row_number").format(
            Identifier("raw", contract.raw_table)
        )
        return connection.execute(query, [batch_id]).fetchall()


def rejects(settings: Settings, batch_id: int) -> list[dict[str, Any]]:
    return rows(
        settings, "select * from reject.rejected_row where batch_id = %s order by row_number", batch_id
    )
