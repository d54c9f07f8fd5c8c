"""Files made to take the night: they take linear time and little memory, or become unreadable batches; every row is counted."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from kho.contract import Contract
from kho.formats import open_export
from kho.load import Batch, load, replay
from kho.settings import Settings
from tests.bench.load import measured
from tests.contracts import document, read
from tests.integration.loading import deliver, raw_rows, rows
from tests.strikes import Steps, an_hour_passes_at

DAY = date(2021, 1, 5)
COLUMNS = [{"name": name, "logicalType": "string"} for name in ("holder", "place")]
HEAD = b"code,holder,place\n"


def contract_of(folder: Path, file: dict[str, Any] | None = None, **keys: Any) -> Contract:
    place = {"type": "local", "path": "registry/permits", "format": "csv"}
    name = r"(?P<business_date>\d{8})\.csv"
    return read(folder, document(place, columns=COLUMNS, file=file, fileName=name, **keys))


def counts(settings: Settings) -> tuple[Any, ...]:
    (batch,) = rows(settings, "select * from ledger.batch")
    return tuple(
        batch[name] for name in ("state", "rows_in_file", "rows_loaded", "rows_rejected", "rows_skipped")
    )


#: the file, and its rows loaded, rejected and skipped
HOSTILE: dict[str, tuple[bytes, int, int, int]] = {
    "blank lines": (HEAD + b"\n" * 3_000_000 + b"a,b,c\n" + b"\r\n" * 2_000, 1, 0, 3_002_000),
    "ragged rows": (HEAD + b"a,b\n" * 60_000 + b"a,b,c\n" + b"\n" + b"a,b\n" * 5, 1, 60_005, 1),
    "an open quote": (HEAD + b'a,b,"c\n' + b"one line more\n" * 60_000, 0, 60_001, 0),
    "quotes that are never closed": (HEAD + b'a,b,"c\n' * 10_000 + b"d,e,f\n", 1, 10_000, 0),
    "quotes over long lines": (HEAD + (b'a,b,"c\n' + (b'""' + b"x" * 5_000 + b"\n") * 400) * 2, 0, 802, 0),
    "zero characters": (HEAD + b"a,\0,c\n" * 20_000, 0, 20_000, 0),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_every_row_of_a_hostile_file_is_counted(warehouse: Settings, tmp_path: Path, what: str) -> None:
    data, loaded, rejected, skipped = HOSTILE[what]
    contract = contract_of(tmp_path, compression="gzip")
    deliver(warehouse, contract, "20210105.csv", gzip.compress(data, 1), DAY)
    load(warehouse, contract)
    assert counts(warehouse) == ("pending", loaded + rejected + skipped, loaded, rejected, skipped)


def read_all(contract: Contract, export: Path) -> None:
    for block in open_export(contract, export).blocks():
        assert len(block.rejects) <= 10_000


def ragged(many: int) -> bytes:
    return HEAD + b"a,b\n" * many


def blank(many: int) -> bytes:
    return HEAD + b"\n" * many


@pytest.mark.parametrize(("made", "many"), [(ragged, 100_000), (blank, 20_000_000)])
def test_memory_does_not_grow_with_the_rows_that_are_none(
    tmp_path: Path, made: Callable[[int], bytes], many: int
) -> None:
    contract = contract_of(tmp_path)
    (tmp_path / "large").write_bytes(made(many))
    _, megabytes = measured(read_all, contract, tmp_path / "large")
    assert megabytes < 40


def test_rejects_that_could_not_be_split_are_found_by_their_place_in_the_file(
    warehouse: Settings, tmp_path: Path
) -> None:
    lines = [b"a,b,c", b"ragged", b"", b'"open,b,c', *[b"a,b"] * 3, b"a,b,c", b"d,e,f"]
    data = HEAD + b"\n".join(lines) + b"\n"
    contract = contract_of(tmp_path)
    deliver(warehouse, contract, "20210105.csv", data, DAY)
    load(warehouse, contract)
    found = rows(warehouse, "select row_number, byte_offset from reject.rejected_row order by row_number")
    starts = [data[each["byte_offset"] :].partition(b"\n")[0] for each in found]
    assert starts == [b"ragged", b'"open,b,c', b"a,b", b"a,b", b"a,b", b"a,b,c"]
    assert [each["row_number"] for each in found] == [2, 4, 5, 6, 7, 8]


def test_a_file_over_its_time_is_unreadable_says_why_and_can_be_replayed(
    warehouse: Settings, tmp_path: Path
) -> None:
    hurried = contract_of(tmp_path, {"maxLoadMinutes": 0.0001})
    for day in (DAY, DAY + timedelta(1)):
        data = HEAD + b"a,b\n" * 20_000 + b"a,b,c\n"
        deliver(warehouse, hurried, f"{day:%Y%m%d}.csv", data, day)
    late, later = load(warehouse, hurried)
    for batch in (late, later):
        assert (batch.state, batch.rows_in_file) == ("unreadable", 0)
        assert "longer than 0.0001 minutes: the contract's maxLoadMinutes" in batch.reason
    assert not rows(warehouse, "select * from reject.rejected_row")
    patient = contract_of(tmp_path)
    again = replay(warehouse, patient, late.batch_id)
    assert (again.state, again.rows_loaded, again.rows_rejected) == ("pending", 1, 20_000)
    assert len(raw_rows(warehouse, patient, again.batch_id)) == 1


def test_a_time_limit_may_strike_at_any_step_of_the_database_driver(
    warehouse: Settings, tmp_path: Path
) -> None:
    data = HEAD + b"".join(b"ragged\n%d,b,c\n" % n for n in range(50))

    def loaded(strike: int | None = None) -> tuple[Steps, Batch]:
        contract = contract_of(tmp_path, {"maxLoadMinutes": 30})
        deliver(warehouse, contract, "20210105.csv", data, DAY)
        with an_hour_passes_at("psycopg", strike) as steps:
            (batch,) = load(warehouse, contract)
        return steps, batch

    loaded()  # it makes the raw table
    counted, whole = loaded()
    assert (whole.state, whole.rows_rejected) == ("pending", 50)
    in_time = 0
    for strike in random.sample(range(1, counted.count), 15):
        steps, batch = loaded(strike)
        if steps.has_struck:
            assert batch.state == "unreadable" and "maxLoadMinutes" in batch.reason, strike
        else:  # it took fewer steps than the one before
            assert batch.state == "pending", strike
            in_time += 1
    assert in_time < 5
    (rejects,) = rows(warehouse, "select count(*) from reject.rejected_row")
    assert rejects["count"] == 50 * (2 + in_time)


def test_a_statement_over_its_time_is_ended_too(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server works where this process only waits."""
    monkeypatch.setattr(
        "kho.load.batches.judge", lambda connection, *_: connection.execute("select pg_sleep(3600)")
    )
    contract = contract_of(tmp_path, {"maxLoadMinutes": 0.01})
    deliver(warehouse, contract, "20210105.csv", HEAD + b"a,b,c\n", DAY)
    (batch,) = load(warehouse, contract)
    assert batch.state == "unreadable" and "maxLoadMinutes" in batch.reason


def test_a_file_that_unpacks_to_more_than_its_contract_says_is_unreadable(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = contract_of(tmp_path, {"maxUnpackedBytes": 100_000}, compression="gzip")
    deliver(warehouse, contract, "20210105.csv", gzip.compress(HEAD + b"\n" * 100_000), DAY)
    (batch,) = load(warehouse, contract)
    assert batch.state == "unreadable"
    assert "more than 100,000 bytes: the contract's maxUnpackedBytes" in batch.reason
