"""Streamed formats stay below 150 MB above the process's start, whatever the size; `make bench` shows a million rows.

A file here is large enough that its rows, held all at once, take far more than the bound, which is what a block takes.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from kho.contract import contracts, read_contract
from kho.formats import open_export
from kho.load import ways
from kho.settings import Settings
from tests.bench.load import dossiers, events, kho_load, measured
from tests.integration.loading import deliver, rows
from tests.integration.registers import WRITTEN, register
from tests.integration.test_load_parquet import parquet, table
from tests.integration.test_load_xml import PATHS, document, record


@pytest.mark.parametrize(
    ("name", "export"), [("one_stop.dossiers", dossiers), ("documents.deliveries", events)]
)
def test_memory_does_not_grow_with_the_file(warehouse: Settings, name: str, export) -> None:
    contract = contracts(warehouse)[name]
    data = export(contract, 40_000)
    deliver(warehouse, contract, "large", data, date(2021, 1, 5))
    _, megabytes = measured(kho_load, warehouse, name)
    (batch,) = rows(warehouse, "select rows_in_file, rows_loaded from ledger.batch")
    assert batch["rows_in_file"] == 40_000 and batch["rows_loaded"] > 35_000
    assert len(data) > 8_000_000 and megabytes < 50


def test_memory_does_not_grow_with_the_rows_that_go_straight_into_raw(warehouse: Settings) -> None:
    contract = contracts(warehouse)["one_stop.dossiers"]
    data = dossiers(contract, 200_000)
    assert len(data) > 2 * ways.SMALL
    deliver(warehouse, contract, "large", data, date(2021, 1, 5))
    _, megabytes = measured(kho_load, warehouse, contract.name)
    (batch,) = rows(warehouse, "select rows_in_file, rows_loaded from ledger.batch")
    assert (batch["rows_in_file"], batch["rows_loaded"]) == (200_000, 196_000)
    assert megabytes < 150


def xml(many: int) -> bytes:
    return document(*(record([f"{n}", *WRITTEN[0][1:]]) for n in range(many))).encode()


def one_row_group(many: int) -> bytes:
    lines = [[f"{n}", f"{n * 7919}" * 20, *WRITTEN[0][2:]] for n in range(many)]
    return parquet(table(lines), use_dictionary=False, compression="none", row_group_size=many)


def read_all(contract: Path, export: Path) -> None:
    for block in open_export(read_contract(contract), export).blocks():
        assert block.row_count == block.copied_count


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize(
    ("format", "write", "many", "bound"),
    [("xml", xml, 40_000, 50), ("parquet", one_row_group, 75_000, 90)],
    ids=["xml", "parquet"],
)
def test_memory_does_not_grow_with_a_file_of_records_or_columns(
    tmp_path: Path,
    format: str,
    write: Callable[[int], bytes],
    many: int,
    bound: int,
    compression: str | None,
) -> None:
    headers = {"headers": PATHS, "recordsPath": "SoHoSo/DanhSach/HoSo"} if format == "xml" else {}
    register(tmp_path, format, server={"compression": compression} if compression else {}, **headers)
    data = write(many)
    (tmp_path / "large").write_bytes(gzip.compress(data, 1) if compression else data)
    _, megabytes = measured(read_all, tmp_path / "archive" / "files.yaml", tmp_path / "large")
    assert len(data) > 8_000_000 and megabytes < bound
