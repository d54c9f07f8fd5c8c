"""Rows are counted while an export passes by as a reader of CSV counts them, wherever its chunks are cut."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from kho.fetch.rows import RowCount

CELL = st.text(alphabet='ab;"\nđé 1', max_size=8)


def count(data: bytes, size: int, encoding: str = "utf-8-sig") -> int:
    rows = RowCount(encoding, ";", header_rows=1)
    for start in range(0, len(data), size):
        rows.add(data[start : start + size])
    return rows.total()


@given(
    rows=st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=12),
    size=st.integers(1, 50),
    encoding=st.sampled_from(["utf-8-sig", "utf-16"]),
    is_ended=st.booleans(),
)
def test_it_counts_what_csv_writes(rows: list[list[str]], size: int, encoding: str, is_ended: bool) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows([["x", "y"], *rows])
    whole = text.getvalue() if is_ended else text.getvalue().removesuffix("\r\n")
    assert count(whole.encode(encoding), size, encoding) == len(rows)


@given(size=st.integers(1, 50), stray=st.integers(1, 3))
def test_a_stray_quote_never_makes_a_file_look_cut_off(size: int, stray: int) -> None:
    lines = ["a;b"] + ["x;y"] * 20
    for line in range(stray):
        lines[3 + 4 * line] = 'x;màn hình 12" cũ'
    assert count("\r\n".join(lines).encode(), size) == 20


def test_nothing_is_no_rows() -> None:
    assert count(b"", 10) == 0
    assert count(b"a;b\r\n", 3) == 0
