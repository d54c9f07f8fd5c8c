"""What commands write as CSV is opened in spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest

from kho.cli.output import show_rows

FORMULAS = (
    "=1+1",
    "+cmd|'/c calc'!A0",
    "-2+3+cmd",
    "@SUM(A1)",
    " =1+1",
    "\t=1+1",
    "＝1+1",
    "-",
    "=",
)
HARMLESS = ("H51.12", "-5", "+84.5", "-1.234,5", "mã=1", "", "'=1", "Số vào sổ=-1; Ghi chú=")


def written(capsys: pytest.CaptureFixture[str], *cells: object) -> list[str]:
    show_rows("", [f"c{n}" for n in range(len(cells))], [cells], "csv")
    _, row = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    return row


def test_no_text_starts_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, *FORMULAS) == [f"'{text}" for text in FORMULAS]


def test_a_line_break_within_a_text_starts_none_either(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows("", ["text"], [["a\r=1+1"], ["\r=1+1"]], "csv")
    assert capsys.readouterr().out == 'text\n"a\n=1+1"\n"\'\n=1+1"\n'


def test_numbers_and_other_texts_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, *HARMLESS, -5, None, 1.5) == [*HARMLESS, "-5", "", "1.5"]
