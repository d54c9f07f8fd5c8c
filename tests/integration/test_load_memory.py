"""Streamed formats stay below 100 MB above the process's start, whatever the size; `make bench` shows a million rows."""

from __future__ import annotations

from datetime import date

import pytest

from kho.contract import contracts
from kho.settings import Settings
from tests.bench.load import dossiers, events, kho_load, measured
from tests.integration.loading import deliver, rows


@pytest.mark.parametrize(
    ("name", "export"), [("one_stop.dossiers", dossiers), ("documents.deliveries", events)]
)
def test_memory_does_not_grow_with_the_file(warehouse: Settings, name: str, export) -> None:
    contract = contracts(warehouse)[name]
    data = export(contract, 120_000)
    deliver(warehouse, contract, "large", data, date(2021, 1, 5))
    _, megabytes = measured(kho_load, warehouse, name)
    (batch,) = rows(warehouse, "select rows_in_file, rows_loaded from ledger.batch")
    assert batch["rows_in_file"] == 120_000 and batch["rows_loaded"] > 100_000
    assert len(data) > 25_000_000 and megabytes < 100
