"""A file that makes the load fail becomes an unreadable batch that a person understands; the files behind it are loaded."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from kho import database
from kho.archive import Archive
from kho.contract import Contract
from kho.ledger import decisions
from kho.load import LoadFailed, batches, load, replay
from kho.load.dry_run import dry_run
from kho.settings import Settings
from tests.contracts import document, read
from tests.examples import examples
from tests.integration.loading import deliver, raw_rows, rejects, rows
from tests.integration.test_load_parquet import parquet
from tests.integration.test_load_workbooks import xlsx

DAY = date(2021, 1, 5)
NUMBER = {"name": "fee", "logicalType": "number"}


def contract_of(folder: Path, format: str = "csv") -> Contract:
    server = {"type": "local", "path": "registry/permits", "format": format}
    return read(folder, document(server, columns=[NUMBER], fileName=rf"(?P<business_date>\d{{8}})\.{format}"))


def csv(*lines: str) -> bytes:
    return "\n".join(["code,fee", *lines, ""]).encode()


def wide_csv(width: int) -> bytes:
    return f"code,fee{',' * width}\na,1{',' * width}\n".encode()


def wide_workbook() -> bytes:
    return xlsx({"Sheet": [["code", "fee", *(f"c{n}" for n in range(2000))], ["a", 1, *range(2000)]]})


#: what the file is, its bytes, and what is said of it
FAILING: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "2000 columns without a header": ("csv", lambda: wide_csv(2000), "at most 1,600 columns"),
    "2000 columns of a workbook": ("xlsx", wide_workbook, "at most 1,600 columns"),
    "a row longer than a page": (
        "csv",
        lambda: ("code,fee," + ",".join(f"c{n}" for n in range(1200)) + "\n" + "a,1," + ",".join(["x" * 40] * 1200)).encode(),
        "longer cells in them, than a table",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FAILING)
def test_it_becomes_an_unreadable_batch_and_the_files_behind_it_are_loaded(
    warehouse: Settings, tmp_path: Path, what: str
) -> None:
    format, made, told = FAILING[what]
    contract = contract_of(tmp_path, format)
    deliver(warehouse, contract, f"20210105.{format}", made(), DAY)
    good = csv("b,2") if format == "csv" else xlsx({"Sheet": [["code", "fee"], ["b", 2]]})
    deliver(warehouse, contract, f"20210106.{format}", good, DAY + timedelta(1))
    bad, behind = load(warehouse, contract)
    assert (bad.state, bad.rows_in_file) == ("unreadable", 0) and told in bad.reason
    assert (behind.state, behind.rows_loaded) == ("pending", 1)
    assert load(warehouse, contract) == []

    # `kho source check` says the same, and a person may put it away.
    (arrival,) = rows(warehouse, "select sha256 from ledger.arrival order by arrival_id limit 1")
    with Archive.of(warehouse).plain(arrival["sha256"]) as path:
        assert told in dry_run(warehouse, contract, path, "20210105", DAY).batch.reason
    decisions.withdraw(warehouse, bad.batch_id, actor="lan", reason="the source mends it")


def test_a_mended_file_of_the_same_name_takes_its_place(warehouse: Settings, tmp_path: Path) -> None:
    contract = contract_of(tmp_path)
    deliver(warehouse, contract, "20210105.csv", wide_csv(2000), DAY)
    (bad,) = load(warehouse, contract)
    deliver(warehouse, contract, "20210105.csv", csv("a,1"), DAY)
    (good,) = load(warehouse, contract)
    decisions.accept(warehouse, good.batch_id, actor="lan", reason="mended")
    states = rows(warehouse, "select batch_id, state from ledger.batch order by batch_id")
    assert [tuple(each.values()) for each in states] == [
        (bad.batch_id, "withdrawn"),
        (good.batch_id, "accepted"),
    ]


@pytest.mark.parametrize(("format", "character"), [("jsonl", "\0"), ("jsonl", "\ud800"), ("json", "\0")])
def test_a_key_that_no_text_can_hold_is_a_reject(
    warehouse: Settings, tmp_path: Path, format: str, character: str
) -> None:
    contract = contract_of(tmp_path, format)
    records = [{"code": "a", f"x{character}": 1}, {"code": "b", "fee": 1}]
    data = json.dumps(records) if format == "json" else "\n".join(map(json.dumps, records))
    deliver(warehouse, contract, f"20210105.{format}", data.encode(), DAY)
    (batch,) = load(warehouse, contract)
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected) == (2, 1, 1)
    assert [row["code"] for row in raw_rows(warehouse, contract, batch.batch_id)] == ["b"]


def test_a_number_of_too_many_decimals_is_a_reject(warehouse: Settings, tmp_path: Path) -> None:
    contract = contract_of(tmp_path)
    lines = [f"long,0.{'1' * 17_000}", f"fits,0.{'1' * 255}", f"one more,0.{'1' * 256}"]
    deliver(warehouse, contract, "20210105.csv", csv(*lines), DAY)
    (batch,) = load(warehouse, contract)
    assert [row["code"] for row in raw_rows(warehouse, contract, batch.batch_id)] == ["fits"]
    assert {reason for each in rejects(warehouse, batch.batch_id) for reason in each["reasons"]} == {
        "fee: not a number"
    }


def test_bytes_that_the_archive_lost_are_told_and_loaded_when_they_are_back(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract = contract_of(tmp_path)
    deliver(warehouse, contract, "20210105.csv", csv("a,1"), DAY)
    deliver(warehouse, contract, "20210106.csv", csv("b,2"), DAY + timedelta(1))
    (first, _) = rows(warehouse, "select sha256 from ledger.arrival order by arrival_id")
    path = Path(Archive.of(warehouse).place(first["sha256"]))
    elsewhere = path.rename(tmp_path / "elsewhere")
    lost, behind = load(warehouse, contract)
    assert lost.state == "unreadable" and "not in the archive any more" in lost.reason
    assert behind.rows_loaded == 1
    elsewhere.rename(path)
    again = replay(warehouse, contract, lost.batch_id)
    assert (again.state, again.rows_loaded) == ("pending", 1)


@pytest.mark.parametrize("format", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("keep", [0, 0.4, 0.999])
def test_bytes_that_are_damaged_in_the_archive_are_told_and_never_half_loaded(
    warehouse: Settings, tmp_path: Path, format: str, keep: float
) -> None:
    contract = contract_of(tmp_path, format)
    values = [[f"c{n}", n] for n in range(3000)]
    match format:
        case "csv":
            data = csv(*(f"{code},{fee}" for code, fee in values))
        case "xlsx":
            data = xlsx({"Sheet": [["code", "fee"], *values]})
        case _:
            columns = zip(*values, strict=True)
            data = parquet(pa.table(dict(zip(("code", "fee"), map(list, columns), strict=True))))
    deliver(warehouse, contract, f"20210105.{format}", data, DAY)
    (arrival,) = rows(warehouse, "select sha256 from ledger.arrival")
    path = Path(Archive.of(warehouse).place(sha256 := arrival["sha256"]))
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[: int(len(whole) * keep)])
    (damaged,) = load(warehouse, contract)
    assert (damaged.state, damaged.rows_in_file) == ("unreadable", 0)
    assert (
        f"damaged in the archive ({sha256[:12]}…): bring the archive back from its backup" in damaged.reason
    )
    assert raw_rows(warehouse, contract, damaged.batch_id) == []
    path.write_bytes(whole)
    again = replay(warehouse, contract, damaged.batch_id)
    assert (again.state, again.rows_loaded) == ("pending", len(values))


def test_a_file_that_an_earlier_kho_archived_plain_is_loaded(warehouse: Settings, tmp_path: Path) -> None:
    contract = contract_of(tmp_path)
    deliver(warehouse, contract, "20210105.csv", csv("a,1", "b,?"), DAY)
    (arrival,) = rows(warehouse, "select sha256 from ledger.arrival")
    path = Path(Archive.of(warehouse).place(arrival["sha256"]))
    path.unlink()
    path.with_suffix("").write_bytes(csv("a,1", "b,?"))
    (batch,) = load(warehouse, contract)
    assert (batch.state, batch.rows_loaded, batch.rows_rejected) == ("pending", 1, 1)


def test_what_is_no_fault_of_the_file_is_tried_again(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contract_of(tmp_path)
    deliver(warehouse, contract, "20210104.csv", csv("a,1"), DAY - timedelta(1))
    load(warehouse, contract)
    deliver(warehouse, contract, "20210105.csv", csv("b,2"), DAY)
    deliver(warehouse, contract, "20210106.csv", csv("c,3"), DAY + timedelta(1))
    with psycopg.connect(warehouse.admin_url(), application_name="by hand") as admin:
        admin.execute("lock table raw.registry__permits")
        with monkeypatch.context() as patch:
            patch.setattr(database, "SESSION", f"{database.SESSION} -c lock_timeout=1200")
            told = (
                r"delivery of 2021-01-05: raw\.registry__permits was not to be had .*of postgres \(by hand\).*;"
                r" delivery of 2021-01-06: "
            )
            with pytest.raises(LoadFailed, match=told):
                load(warehouse, contract)
    assert [batch.rows_loaded for batch in load(warehouse, contract)] == [1, 1]


def test_an_archive_that_nobody_may_read_makes_no_file_unreadable(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contract_of(tmp_path)
    deliver(warehouse, contract, "20210105.csv", csv("a,1"), DAY)

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch, pytest.raises(LoadFailed, match="Permission denied"):
        patch.setattr(batches, "open_export", forbidden)  # root may read everything
        load(warehouse, contract)
    (batch,) = load(warehouse, contract)
    assert (batch.state, batch.rows_loaded) == ("pending", 1)


texts = st.text(
    st.characters(codec="utf-8") | st.sampled_from("\0\ufeff,;\"'\n\r\t=-0123456789."), max_size=12
)


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(
        st.dictionaries(
            texts | st.just("code") | st.just("fee"),
            texts | st.floats() | st.integers() | st.none() | st.lists(texts),
            max_size=4,
        ),
        max_size=6,
    )
)
@example(records=[{"code": "a", "fee": 1e308}, {"code": "a", "fee": float("inf")}])
def test_whatever_records_hold_every_row_is_counted(
    module_warehouse: Settings, tmp_path: Path, records: list[dict]
) -> None:
    contract = contract_of(tmp_path, "jsonl")
    data = "\n".join(json.dumps(record) for record in records).encode()
    deliver(module_warehouse, contract, "20210105.jsonl", data, DAY)
    for batch in load(module_warehouse, contract):
        assert batch.state == "pending" or "Kho failed" not in batch.reason
        counted = batch.rows_loaded + batch.rows_rejected + batch.rows_skipped
        assert counted == batch.rows_in_file == (len(records) if batch.state == "pending" else 0)
