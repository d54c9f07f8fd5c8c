"""Rows of one file with the same key and version: which of them counts, and what becomes of the others."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kho.contract import Contract
from kho.load import load, ways
from kho.settings import Settings
from tests.contracts import document, read
from tests.integration.loading import deliver, raw_rows, rejects, rows

DAY = date(2021, 1, 5)
EARLIER, LATER = "an earlier row of the file (same key and version)", "a later row of the file"
COUNTS = f"row: contradicts {LATER}, which counts (same key and version)"


def contract_of(folder: Path, *, later: bool | None = None, has_version: bool = True) -> Contract:
    columns = [
        {"name": "state", "logicalType": "string"},
        {"name": "due_at", "logicalType": "timestamp"},
        {"name": "changed_at", "logicalType": "timestamp"},
    ]
    keys = {"timestampFormat": "dd/MM/yyyy HH:mm"}
    if has_version:
        keys["versionColumn"] = "changed_at"
    if later is not None:
        keys["laterRowCounts"] = later
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    return read(folder, document(place, columns=columns, file=keys, fileName=r"(?P<business_date>\d{8}).*"))


def loaded(
    settings: Settings, contract: Contract, lines: list[str]
) -> tuple[list[tuple[int, str]], dict[int, str]]:
    deliver(
        settings,
        contract,
        "20210105.csv",
        "\n".join(["code,state,due_at,changed_at", *lines, ""]).encode(),
        DAY,
    )
    (batch,) = load(settings, contract)
    assert batch.rows_in_file == batch.rows_loaded + batch.rows_rejected
    found = raw_rows(settings, contract, batch.batch_id)
    why = {each["row_number"]: each["reasons"][0] for each in rejects(settings, batch.batch_id)}
    assert len(found) == batch.rows_loaded and len(why) == batch.rows_rejected
    return sorted((row["_row_number"], row["state"]) for row in found), why


MINUTE, NEXT = "01/01/2021 08:00", "01/01/2021 08:01"
STATES = [
    f"a,received,,{MINUTE}",
    f"b,received,,{MINUTE}",
    f"a,returned,,{MINUTE}",
    f"a,withdrawn,,{NEXT}",
    f"b,received,,{MINUTE}",
]


@pytest.mark.parametrize("way", ["landing", "fast"])
def test_of_two_states_in_one_minute_the_later_row_counts(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(ways, "SMALL", 0 if way == "fast" else 1 << 60)
    kept, why = loaded(warehouse, contract_of(tmp_path), STATES)
    assert kept == [(2, "received"), (3, "returned"), (4, "withdrawn")]
    assert why == {1: COUNTS, 5: f"row: repeats {EARLIER}"}


@pytest.mark.parametrize("way", ["landing", "fast"])
def test_the_first_row_counts_where_the_contract_says_so(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(ways, "SMALL", 0 if way == "fast" else 1 << 60)
    kept, why = loaded(warehouse, contract_of(tmp_path, later=False), STATES)
    assert kept == [(1, "received"), (2, "received"), (4, "withdrawn")]
    assert why == {3: f"row: contradicts {EARLIER}", 5: f"row: repeats {EARLIER}"}


@pytest.mark.parametrize("has_version", [True, False])
def test_what_was_said_before_and_again_counts_as_the_last_of_all(
    warehouse: Settings, tmp_path: Path, has_version: bool
) -> None:
    lines = [f"a,{state},,{MINUTE}" for state in ("received", "returned", "returned", "received")]
    kept, why = loaded(warehouse, contract_of(tmp_path, has_version=has_version), lines)
    assert kept == [(4, "received")]
    assert why == {1: f"row: repeats {LATER} (same key and version)", 2: COUNTS, 3: COUNTS}


def test_without_a_version_the_later_row_counts_as_the_later_file_does(
    warehouse: Settings, tmp_path: Path
) -> None:
    kept, why = loaded(
        warehouse, contract_of(tmp_path, has_version=False), ["a,received,,", "a,returned,,", "a,closed,,"]
    )
    assert kept == [(3, "closed")] and why == {1: COUNTS, 2: COUNTS}


def test_values_that_no_column_can_have_are_counted_of_the_row_that_counts(
    warehouse: Settings, tmp_path: Path
) -> None:
    lines = [
        f"a,x,01/01/9999 08:00,{MINUTE}",
        f"a,y,,{MINUTE}",
        f"b,x,,{MINUTE}",
        f"b,y,01/01/9999 08:00,{MINUTE}",
        f"c,x,01/01/9999 08:00,{MINUTE}",
    ]
    kept, _ = loaded(warehouse, contract_of(tmp_path), lines)
    assert kept == [(2, "y"), (4, "y"), (5, "x")]
    (batch,) = rows(warehouse, "select profile from ledger.batch")
    assert batch["profile"]["emptied"] == {"due_at": 2}


def test_a_wrong_row_takes_nobodys_place(warehouse: Settings, tmp_path: Path) -> None:
    kept, why = loaded(
        warehouse, contract_of(tmp_path), [f"a,received,,{MINUTE}", f"a,returned,soon,{MINUTE}"]
    )
    assert kept == [(1, "received")]
    assert why == {2: "due_at: not a time (dd/MM/yyyy HH:mm)"}


@pytest.mark.parametrize("way", ["landing", "fast"])
def test_many_rows_of_many_keys_are_counted_once_each(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(ways, "SMALL", 0 if way == "fast" else 1 << 60)
    lines = [f"k{n % 2_000},s{n // 2_000},,{MINUTE}" for n in range(6_000)]
    kept, why = loaded(warehouse, contract_of(tmp_path), lines)
    assert kept == [(n + 1, "s2") for n in range(4_000, 6_000)]
    assert set(why.values()) == {COUNTS}
