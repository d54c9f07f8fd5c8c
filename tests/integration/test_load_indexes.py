"""A batch that is larger than its table loads without the table's indexes, which are made again behind it."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from kho.contract import contracts
from kho.load import Batch, load, raw
from kho.settings import Settings
from tests.bench.load import dossiers
from tests.integration.loading import deliver, raw_rows, rejects, rows

DAY = date(2021, 1, 5)
NAME = "one_stop.dossiers"


def indexes(settings: Settings) -> dict[int, tuple[Any, ...]]:
    """By their oids: name, definition and constraint of each."""
    found = rows(
        settings,
        "select i.indexrelid::bigint, c.relname, pg_get_indexdef(i.indexrelid), pg_get_constraintdef(k.oid)"
        " from pg_index i join pg_class c on c.oid = i.indexrelid left join pg_constraint k on k.conindid = i.indexrelid"
        " where i.indrelid = to_regclass('raw.one_stop__dossiers') order by c.relname",
    )
    return {oid: tuple(told) for oid, *told in (each.values() for each in found)}


def loaded(settings: Settings, size: int, name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """What a file with bad rows and with rows that repeat or contradict others becomes, where `size` bytes are large."""
    monkeypatch.setattr(raw, "LARGE", size)
    contract = contracts(settings)[NAME]
    head, *lines = dossiers(contract, 400, bad_share=0.1).rstrip().split(b"\r\n0")
    again = [lines[7], lines[7].replace(b"1.250.000", b"1"), *lines[8:30]]
    data = b"\r\n0".join([head, *lines, *again])
    deliver(settings, contract, name, data, DAY)
    (batch,) = load(settings, contract)
    number = batch.batch_id
    kept = [
        {k: v for k, v in row.items() if k != "_batch_id"} for row in raw_rows(settings, contract, number)
    ]
    rejected = [{k: v for k, v in row.items() if k != "batch_id"} for row in rejects(settings, number)]
    (ledger,) = rows(settings, "select profile from ledger.batch where batch_id = %s", number)
    return counts(batch), kept, rejected, ledger["profile"]


def counts(batch: Batch) -> tuple[int, ...]:
    return batch.rows_in_file, batch.rows_loaded, batch.rows_rejected, batch.rows_skipped


def test_rows_rejects_profile_and_indexes_are_those_of_any_load(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = loaded(warehouse, 1 << 40, "usual", monkeypatch)
    before = indexes(warehouse)
    emptied(warehouse)
    assert loaded(warehouse, 0, "larger than the table", monkeypatch) == usual
    assert usual[0] == (424, 360, 64, 0)
    after = indexes(warehouse)
    assert list(after.values()) == list(before.values()) and len(after) == 2
    assert not after.keys() & before.keys()


def test_a_load_does_not_wait_for_a_reader_of_the_table(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = loaded(warehouse, 1 << 40, "usual", monkeypatch)
    before = indexes(warehouse)
    emptied(warehouse)
    with psycopg.connect(warehouse.admin_url()) as reader:
        reader.execute("select from raw.one_stop__dossiers")
        assert loaded(warehouse, 0, "larger than the table", monkeypatch) == usual
    assert indexes(warehouse) == before


def emptied(settings: Settings) -> None:
    with psycopg.connect(settings.admin_url()) as connection:
        connection.execute("truncate raw.one_stop__dossiers")
