"""A call loads all files of a contract in one session, which keeps its landing table and its plans from file to file."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from psycopg.sql import SQL

from kho.contract import Contract
from kho.database import connect
from kho.formats import Unreadable
from kho.load import load, raw
from kho.load.batches import fill
from kho.settings import Settings
from tests.integration.loading import deliver, raw_rows, rejects, rows
from tests.integration.test_load_fast_way import CONTRACTS, DAY, contract_of, export

NAME = "20210401.csv"
FILES = 14  # more than it takes until the session keeps the plans of its statements


def alone(settings: Settings, contract: Contract, data: bytes, path: Path) -> Any:
    """What a session leaves that loads this file and no other."""
    path.write_bytes(data)
    secret = settings.secret("hash_key")
    with connect(settings, "kho_loader") as connection, connection.transaction(force_rollback=True):
        raw.ensure(connection, settings, contract)
        try:
            batch, profile = fill(connection, contract, path, NAME, DAY, None, 0, secret)
        except Unreadable as problem:
            return str(problem)
        found = SQL("select * from {} order by _row_number").format(raw.table(contract))
        loaded = connection.execute(found).fetchall()
        rejected = connection.execute(
            "select row_number, reasons, byte_offset, row_text from reject.rejected_row order by row_number"
        ).fetchall()
    kept = [row[1:] for row in loaded]
    return [batch.rows_in_file, batch.rows_loaded, json.loads(json.dumps(profile)), kept, rejected]


def together(settings: Settings, contract: Contract) -> list[Any]:
    """What every file of one call left."""
    left: list[Any] = []
    for batch in load(settings, contract):
        if batch.reason:
            left.append(batch.reason)
            continue
        (row,) = rows(settings, "select profile from ledger.batch where batch_id = %s", batch.batch_id)
        kept = [tuple(each.values())[1:] for each in raw_rows(settings, contract, batch.batch_id)]
        rejected = [
            (each["row_number"], each["reasons"], each["byte_offset"], each["row_text"])
            for each in rejects(settings, batch.batch_id)
        ]
        left.append([batch.rows_in_file, batch.rows_loaded, row["profile"], kept, rejected])
    return left


@pytest.mark.parametrize("which", [name for name in CONTRACTS if "whole list" not in name])
def test_each_file_of_a_call_becomes_what_it_becomes_alone(
    warehouse: Settings, tmp_path: Path, which: str
) -> None:
    contract = contract_of(tmp_path, which)
    files = [export(Random(n), contract, 1 + 9 * n % 50, 0.02) for n in range(FILES)]
    files[3:3] = [b"", files[0][: len(files[0]) // 2], b"another;header\n1;2\n"]
    expected = [alone(warehouse, contract, data, tmp_path / "export") for data in files]
    for data in files:
        deliver(warehouse, contract, NAME, data, DAY)
    assert together(warehouse, contract) == expected
    assert sum(isinstance(each, str) for each in expected) in range(2, len(files) // 2)
