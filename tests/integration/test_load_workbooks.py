"""Workbooks of three kinds, written by real writers: typed cells, sheets by name, and files that are broken."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

from kho.check import exports
from kho.formats import Unreadable, look
from kho.settings import Settings
from tests.integration.loading import raw_rows, rejects, rows
from tests.integration.registers import (
    DAY,
    HEADER,
    TYPED,
    WRITTEN,
    expect_register,
    expect_unreadable,
    load_one,
    register,
)

Sheets = dict[str, list[list[object]]]


def xlsx(sheets: Sheets) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as book:
        formats = {
            date: book.add_format({"num_format": "dd/mm/yyyy"}),
            datetime: book.add_format({"num_format": "dd/mm/yyyy hh:mm"}),
        }
        for name, lines in sheets.items():
            sheet = book.add_worksheet(name)
            for row, line in enumerate(lines):
                for column, cell in enumerate(line):
                    if type(cell) in formats:
                        sheet.write_datetime(row, column, cell, formats[type(cell)])
                    elif cell is not None:
                        sheet.write(row, column, cell)
    return file.getvalue()


def xls(sheets: Sheets) -> bytes:
    book, file = xlwt.Workbook(), io.BytesIO()
    styles = {
        date: xlwt.easyxf(num_format_str="DD/MM/YYYY"),
        datetime: xlwt.easyxf(num_format_str="DD/MM/YYYY HH:MM"),
    }
    for name, lines in sheets.items():
        sheet = book.add_sheet(name)
        for row, line in enumerate(lines):
            for column, cell in enumerate(line):
                if cell is not None:
                    sheet.write(row, column, cell, styles.get(type(cell), xlwt.Style.default_style))
    book.save(file)
    return file.getvalue()


def ods(sheets: Sheets) -> bytes:
    book, file = OpenDocumentSpreadsheet(), io.BytesIO()
    for name, lines in sheets.items():
        table = Table(name=name)
        book.spreadsheet.addElement(table)
        for line in lines:
            row = TableRow()
            table.addElement(row)
            for cell in line:
                row.addElement(_ods_cell(cell))
    book.save(file)
    return file.getvalue()


def _ods_cell(cell: object) -> TableCell:
    match cell:
        case None:
            return TableCell()
        case bool():
            return TableCell(valuetype="boolean", booleanvalue=str(cell).lower())
        case int() | float():
            return TableCell(valuetype="float", value=cell)
        case date():
            return TableCell(valuetype="date", datevalue=cell.isoformat())
    made = TableCell(valuetype="string")
    made.addElement(P(text=str(cell)))
    return made


def pandas_ods(sheets: Sheets) -> bytes:
    file = io.BytesIO()
    with pd.ExcelWriter(file, engine="odf") as writer:
        for name, lines in sheets.items():
            pd.DataFrame([[*line, *[None] * (7 - len(line))] for line in lines]).to_excel(
                writer, sheet_name=name, header=False, index=False
            )
    return file.getvalue()


WRITERS = {"xlsx": xlsx, "xls": xls, "ods": ods}
each_kind = pytest.mark.parametrize(("kind", "write"), WRITERS.items(), ids=list(WRITERS))


@pytest.mark.parametrize(("kind", "write"), [*WRITERS.items(), ("ods", pandas_ods)])
@pytest.mark.parametrize("lines", [TYPED, WRITTEN], ids=["typed", "written"])
def test_cells_are_read_whether_they_are_typed_or_texts(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable, lines: list[list[object]]
) -> None:
    if write is pandas_ods:
        lines = [[None if cell == "" else cell for cell in line] for line in lines]
    contract = register(tmp_path, kind)
    data = write({"Sổ": [[None, "SỔ HỒ SƠ"], [None], HEADER, *lines]})
    expect_register(warehouse, contract, load_one(warehouse, contract, data))


@each_kind
def test_rows_that_are_wrong_are_rejected_with_their_reasons(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable
) -> None:
    contract = register(tmp_path, kind)
    wrong = [
        ["000.04", "a", "31/02/2021", datetime(2021, 1, 5), 1.5, "một", "y"],
        [None, "b", date(2021, 1, 5), datetime(2021, 1, 5), 0.5, 1, None],
        [None] * 7,
    ]
    batch = load_one(warehouse, contract, write({"Sổ": [HEADER, *wrong, TYPED[0]]}))
    assert (batch.rows_loaded, batch.rows_rejected, batch.rows_skipped) == (1, 2, 1)
    found = [reject["reasons"] for reject in rejects(warehouse, batch.batch_id)]
    assert found == [
        [
            "Ngày mở: not a date (dd/MM/yyyy)",
            "Số trang: not a whole number",
            "Lệ phí: not a number",
            "Còn mở: neither yes nor no",
        ],
        ["Mã hồ sơ: missing", "Số trang: not a whole number"],
    ]


def test_a_number_with_three_decimals_is_no_number_of_thousands(warehouse: Settings, tmp_path: Path) -> None:
    contract = register(tmp_path, "xlsx")
    batch = load_one(warehouse, contract, xlsx({"Sổ": [HEADER, TYPED[0]]}))
    (row,) = raw_rows(warehouse, contract, batch.batch_id)
    assert float(row["fee"]) == 1.234


# Sheets


def notes(settings: Settings, batch_id: int) -> list[str]:
    (found,) = rows(settings, "select profile from ledger.batch where batch_id = %s", batch_id)
    return found["profile"]["notes"]


@each_kind
def test_the_sheet_is_taken_by_its_name(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable
) -> None:
    contract = register(tmp_path, kind, sheet="Sổ hồ sơ")
    data = write({"Ghi chú": [["Ghi chú"]], "Sổ khác": [HEADER, WRITTEN[0]], "Sổ hồ sơ": [HEADER, *TYPED]})
    batch = load_one(warehouse, contract, data)
    expect_register(warehouse, contract, batch)
    assert notes(warehouse, batch.batch_id) == []


@each_kind
def test_a_renamed_sheet_is_found_by_its_header_and_told(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable
) -> None:
    contract = register(tmp_path, kind, sheet="Sổ hồ sơ")
    data = write({"Ghi chú": [["Ghi chú"]], "Sổ 2021": [["Sổ"], HEADER, *TYPED]})
    batch = load_one(warehouse, contract, data)
    expect_register(warehouse, contract, batch)
    assert notes(warehouse, batch.batch_id) == ["sheet 2 (2 words, 2 letters 4 digits) instead of 'Sổ hồ sơ'"]


@each_kind
def test_a_missing_sheet_that_none_or_several_could_be_is_told_with_those_there_are(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable
) -> None:
    contract = register(tmp_path, kind, sheet="Sổ hồ sơ")
    expect_unreadable(
        warehouse,
        contract,
        {
            "none": (write({"A": [["Ghi chú"]], "B": [["x"]]}), "none with the contract's header: there are sheet 1 (1 letter), sheet 2 (1 letter)"),
            "several": (write({"A": [HEADER], "B": [HEADER, *WRITTEN]}), "several with the contract's header"),
        },
    )  # fmt: skip


@each_kind
def test_a_sheet_is_looked_at_without_a_contract(tmp_path: Path, kind: str, write: Callable) -> None:
    path = tmp_path / "file"
    path.write_bytes(
        write({"A": [["Ghi chú"]], "B": [["Số", "Ngày"], ["01", date(2021, 1, 5)], [2.5, None]]})
    )
    assert look(path, kind) == [["Ghi chú"]]
    shown = look(path, kind, sheet="B")
    assert shown == [["Số", "Ngày"], ["01", date(2021, 1, 5)], [2.5, ""]]
    assert look(path, kind, sheet="B", most=1) == shown[:1]
    with pytest.raises(Unreadable, match="there is no sheet 'C': there are 'A', 'B'"):
        look(path, kind, sheet="C")


# Broken files

HTML = "<html><table><tr><td>x</td></tr></table></html>".encode("utf-16")


def with_member(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The zip with one of its members changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            content = old.read(member)
            new.writestr(member, change(content) if member == name else content)
    return file.getvalue()


def encrypted_marks(data: bytes) -> bytes:
    """The zip with every member marked as encrypted."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
    marked = bytearray(file.getvalue())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = marked.find(mark)
        while at != -1:
            marked[at + place] |= 1
            at = marked.find(mark, at + 4)
    return bytes(marked)


def test_broken_xlsx_are_unreadable_and_say_why(warehouse: Settings, tmp_path: Path) -> None:
    good, sheet = xlsx({"Sổ": [HEADER, *TYPED]}), "xl/worksheets/sheet1.xml"
    far = xlsx({"Sổ": [HEADER, *TYPED, *[[]] * 3]})
    expect_unreadable(
        warehouse,
        register(tmp_path, "xlsx"),
        {
            "empty": (b"", "the file is empty"),
            "cut off": (good[:-40], "no whole workbook"),
            "cut off early": (good[:100], "no whole workbook"),
            "a text": (b"a;b\n1;2\n", "this is no xlsx: it is another kind of file"),
            "html": (b"<html><table></table></html>", "it is html"),
            "an xls": (xls({"Sổ": [HEADER, *TYPED]}), "it is an xls, or has a password"),
            "no rows": (xlsx({"Sổ": []}), "no row at all"),
            "no header": (xlsx({"Sổ": TYPED}), "not the header"),
            "another export": (xlsx({"Sổ": [["a", "b", "c"], [1, 2, 3]]}), "not the header"),
            "an empty sheet": (with_member(good, sheet, lambda _: b""), "can't be read"),
            "a broken sheet": (with_member(good, sheet, lambda xml: xml[:300] + b"<<"), "can't be read"),
            "no workbook": (with_member(good, "xl/workbook.xml", lambda _: b"<x"), "can't be read"),
            "cells far apart": (
                with_member(far, sheet, lambda xml: xml.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')),
                "do its cells spread too wide?",
            ),
            "encrypted": (encrypted_marks(good), "can't be read"),
            "a zip of something": (zipped_text(), "can't be read"),
        },
    )  # fmt: skip


def zipped_text() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../etc/export.csv", "a;b\n")
    return file.getvalue()


def test_broken_xls_are_unreadable_and_say_why(warehouse: Settings, tmp_path: Path) -> None:
    good = xls({"Sổ": [HEADER, *TYPED]})
    scrambled = good[:512] + bytes(byte ^ 0x5A for byte in good[512:])
    expect_unreadable(
        warehouse,
        register(tmp_path, "xls"),
        {
            "empty": (b"", "the file is empty"),
            "only its first bytes": (good[:8], "can't be read"),
            "cut off in the header": (good[:300], "can't be read"),
            "cut off in the middle": (good[: len(good) // 2], "can't be read"),
            "scrambled": (scrambled, "can't be read"),
            "a text": (b"a;b\n1;2\n", "this is no xls: it is another kind of file"),
            "html named xls": (b"<html><TABLE></TABLE></html>", "it is html"),
            "html in utf-16": (HTML, "this is no xls"),
            "an xlsx": (xlsx({"Sổ": [HEADER]}), "it may be an xlsx or ods"),
            "no header": (xls({"Sổ": TYPED}), "not the header"),
            "no rows": (xls({"Sổ": []}), "no row at all"),
            "another export": (xls({"Sổ": [["a", "b"]]}), "not the header"),
            "too large": (good + b"\0" * 64_000_000, "larger than 64 MB"),
        },
    )


def test_broken_ods_are_unreadable_and_say_why(warehouse: Settings, tmp_path: Path) -> None:
    good = ods({"Sổ": [HEADER, *TYPED]})
    many = b'<table:table-row table:number-rows-repeated="1000000"><table:table-cell office:value-type="string" table:number-columns-repeated="100"><text:p>x</text:p></table:table-cell></table:table-row></table:table>'
    declared = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    expect_unreadable(
        warehouse,
        register(tmp_path, "ods"),
        {
            "empty": (b"", "the file is empty"),
            "cut off": (good[:-30], "no whole workbook"),
            "cut off early": (good[:200], "no whole workbook"),
            "a text": (b"a;b\n1;2\n", "this is no ods"),
            "an xls": (xls({"Sổ": [HEADER]}), "it is an xls"),
            "no header": (ods({"Sổ": TYPED}), "not the header"),
            "no rows": (ods({"Sổ": []}), "no row at all"),
            "no sheets": (ods({}), "can't be read"),
            "another export": (ods({"Sổ": [["a", "b"]]}), "not the header"),
            "a broken content": (with_member(good, "content.xml", lambda xml: xml[:500]), "can't be read"),
            "no content": (with_member(good, "content.xml", lambda _: b""), "can't be read"),
            "a bomb": (with_member(good, "content.xml", lambda xml: xml + b" " * 70_000_000), "more than 64 MB"),
            "cells by the million": (with_member(good, "content.xml", lambda xml: xml.replace(b"</table:table>", many)), "can't be read"),
            "entities in the header": (with_member(good, "content.xml", lambda xml: xml.replace(b"<office:document-content", declared + b"<office:document-content").replace("Mã hồ sơ".encode(), b"&b;")), "can't be read"),
        },
    )  # fmt: skip


def test_a_renamed_sheet_is_told_by_the_boundary_and_holds_nothing(
    warehouse: Settings, tmp_path: Path
) -> None:
    (tmp_path / "contracts").mkdir()
    contract = register(tmp_path / "contracts", "xlsx", sheet="Sổ hồ sơ")
    settings = warehouse.model_copy(update={"project": tmp_path})
    load_one(settings, contract, xlsx({"Sổ 2021": [HEADER, *TYPED]}))
    verdict = exports(settings, DAY)
    assert len(verdict.accepted) == 1
    assert [each.message for each in verdict.told if each.expectation == "layout_as_usual"] == [
        "the file is laid out otherwise: sheet 1 (2 words, 2 letters 4 digits) instead of 'Sổ hồ sơ'"
    ]
