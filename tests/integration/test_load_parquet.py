"""Parquet: typed values of every kind, columns within columns, and files that are broken or too good to be true."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kho.formats import Unreadable, look, open_export
from kho.settings import Settings
from tests.examples import examples
from tests.integration.loading import raw_rows, rejects, rows
from tests.integration.registers import (
    COLUMNS,
    HEADER,
    TYPED,
    WRITTEN,
    expect_register,
    expect_unreadable,
    load_one,
    register,
)
from tests.integration.test_load_workbooks import xlsx


def table(lines: list[list[object]]) -> pa.Table:
    return pa.table(
        {header: list(values) for header, values in zip(HEADER, zip(*lines, strict=True), strict=True)}
    )


def parquet(data: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(data, file, **options)
    return file.getvalue()


@pytest.mark.parametrize("lines", [TYPED, WRITTEN], ids=["typed", "written"])
@pytest.mark.parametrize(
    "options",
    [
        {"compression": "none", "row_group_size": 1},
        {"compression": "snappy", "version": "1.0"},
        {"compression": "zstd", "data_page_version": "2.0", "use_dictionary": False},
        {"compression": "gzip", "use_deprecated_int96_timestamps": True, "write_page_checksum": True},
    ],
    ids=lambda options: options["compression"],
)
def test_values_are_read_whether_they_are_typed_or_texts(
    warehouse: Settings, tmp_path: Path, lines: list[list[object]], options: dict[str, object]
) -> None:
    contract = register(tmp_path, "parquet")
    expect_register(warehouse, contract, load_one(warehouse, contract, parquet(table(lines), **options)))


def test_what_pandas_writes_is_read(warehouse: Settings, tmp_path: Path) -> None:
    frame = pd.DataFrame(TYPED, columns=HEADER).astype({"Số trang": "Int64", "Mã hồ sơ": "category"})
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    contract = register(tmp_path, "parquet")
    expect_register(warehouse, contract, load_one(warehouse, contract, file.getvalue()))


def test_every_kind_of_time_and_number_means_what_it_says(warehouse: Settings, tmp_path: Path) -> None:
    contract = register(tmp_path, "parquet")
    moment = datetime(2021, 1, 5, 2, 30, 1, 250000)
    columns = {
        "Mã hồ sơ": pa.array(["a", "b", "c"]).dictionary_encode(),
        "Trích yếu": pa.array([b"x", None, "Đ".encode()], pa.binary()),
        "Ngày mở": pa.array([moment.replace(hour=0, minute=0, second=0, microsecond=0)] * 3, pa.timestamp("ns")),
        "Cập nhật": pa.array([moment.replace(tzinfo=UTC)] * 3, pa.timestamp("us", "America/Lima")),
        "Số trang": pa.array([2.0, 3.0, None], pa.float32()),
        "Lệ phí": pa.array([Decimal("1234567890123456.70"), Decimal("-0.05"), None], pa.decimal128(20, 2)),
        "Còn mở": pa.array([True, None, False]),
    }  # fmt: skip
    batch = load_one(warehouse, contract, parquet(pa.table(columns)))
    found = raw_rows(warehouse, contract, batch.batch_id)
    assert rejects(warehouse, batch.batch_id) == []
    assert [row["subject"] for row in found] == ["x", None, "Đ"]
    assert {row["opened_date"] for row in found} == {date(2021, 1, 5)}
    assert {row["changed_at"].astimezone(UTC) for row in found} == {moment.replace(tzinfo=UTC)}
    assert [row["page_count"] for row in found] == [2, 3, None]
    assert [row["fee"] for row in found] == [Decimal("1234567890123456.7"), Decimal("-0.05"), None]
    assert [row["is_open"] for row in found] == [True, False, False]


def test_rows_that_are_wrong_are_rejected_with_their_reasons(warehouse: Settings, tmp_path: Path) -> None:
    contract = register(tmp_path, "parquet")
    ends = pa.array([0, 2, 4, 5, 6], pa.int32()).buffers()[1]
    columns = {
        "Mã hồ sơ": pa.Array.from_buffers(pa.string(), 4, [None, ends, pa.py_buffer(b"a\0b\xffcd")]),
        "Trích yếu": ["x"] * 4,
        "Ngày mở": [date(2021, 1, 5)] * 4,
        "Cập nhật": pa.array([0, 0, 400_000_000_000, 0], pa.timestamp("s")),
        "Số trang": [1.5, 1.0, 1.0, 1.0],
        "Lệ phí": [float("nan"), 1.0, 1.0, 1e-7],
    }  # fmt: skip
    batch = load_one(warehouse, contract, parquet(pa.table(columns)))
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected) == (4, 1, 3)
    found = [reject["reasons"] for reject in rejects(warehouse, batch.batch_id)]
    assert found == [
        ["row: a zero character stands in the row"],
        ["row: a character stands in the row that is none"],
        ["Cập nhật: not a time (dd/MM/yyyy HH:mm:ss)"],
    ]
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert ledger["profile"]["missing_columns"] == ["Còn mở"]


def test_columns_within_columns_are_taken_apart(tmp_path: Path) -> None:
    data = pa.table({"id": [1], "person": [{"name": "A", "place": {"code": "7"}}], "tags": [["x", "y"]]})
    (tmp_path / "file").write_bytes(parquet(data))
    assert look(tmp_path / "file", "parquet") == [
        ["id", "person.name", "person.place.code", "tags"],
        [1, "A", "7", ["x", "y"]],
    ]


def test_broken_files_are_unreadable_and_say_why(warehouse: Settings, tmp_path: Path) -> None:
    good = parquet(table(TYPED), compression="none", write_page_checksum=True)
    value = good.index(b"000.01")
    nothing = parquet(pa.table({header: pa.nulls(2_000_000, pa.string()) for header in HEADER}))
    much = table(WRITTEN[:1]).set_column(1, HEADER[1], [["x" * 3_000_000]])
    broken = {
        "empty": (b"", "the file is empty"),
        "cut off": (good[:-10], "can't be read ("),
        "cut off early": (good[:20], "can't be read ("),
        "only its magic": (b"PAR1", "can't be read ("),
        "its middle is gone": (good[:100] + good[200:], "can't be read ("),
        "a text": (b"a;b\n1;2\n", "can't be read ("),
        "a workbook": (xlsx({"Sổ": [HEADER]}), "can't be read ("),
        "encrypted": (good[:-4] + b"PARE", "can't be read ("),
        "a byte is another": (good[:value] + b"9" + good[value + 1 :], "can't be read (OSError)"),
        "zeros": (b"\0" * 1000, "can't be read ("),
        "a description without end": (good[:-8] + b"\xff\xff\xff\x7fPAR1", "can't be read ("),
        "another export": (parquet(pa.table({"a": [1], "b": [2]})), "not the header"),
        "no columns": (parquet(pa.table({})), "not the header"),
        "millions of rows of nothing": (nothing, "it unpacks to more than 200 times its size"),
        "a page that unpacks to much": (parquet(much, compression="zstd"), "it unpacks to more than 200 times its size"),
    }  # fmt: skip
    expect_unreadable(warehouse, register(tmp_path, "parquet", maxFileMegabytes=1), broken)


cells = {
    "string": st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8),
    "date": st.dates(),
    "timestamp": st.datetimes(),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(),
    "boolean": st.booleans(),
}
any_row = st.tuples(*(st.none() | cells[type_] for _, type_ in COLUMNS.values())).map(list)


@examples(20)
@given(st.lists(any_row, min_size=1, max_size=8), st.integers(1, 4))
def test_any_values_are_rows_that_can_be_copied(
    tmp_path_factory, lines: list[list[object]], group: int
) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    (folder / "file").write_bytes(parquet(table(lines), row_group_size=group))
    blocks = list(open_export(register(folder, "parquet"), folder / "file").blocks())
    assert sum(block.row_count for block in blocks) == len(lines)
    for block in blocks:
        assert block.row_count == block.copied_count + len(block.rejects)
        assert block.copy.decode().count("\n") == block.copied_count
        assert b"\0" not in block.copy


@examples(40)
@given(at=st.integers(0, 3000), junk=st.binary(min_size=1, max_size=8))
def test_damage_is_told_or_does_no_harm(tmp_path_factory, at: int, junk: bytes) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    data = parquet(table(TYPED))
    (folder / "file").write_bytes(data[:at] + junk + data[at + len(junk) :])
    try:
        blocks = list(open_export(register(folder, "parquet"), folder / "file").blocks())
    except Unreadable:
        return
    assert sum(block.row_count for block in blocks) == sum(b.copied_count + len(b.rejects) for b in blocks)
