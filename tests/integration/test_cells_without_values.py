"""Cells of workbooks that show something and have no value: no row is loaded as if they were empty, or held something else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
import xlwt

from kho.load import ways
from kho.settings import Settings
from tests.integration.loading import raw_rows, rejects
from tests.integration.registers import HEADER, TYPED, WRITTEN, load_one, register
from tests.integration.test_hidden_characters import WRITE
from tests.integration.test_load_workbooks import each_kind, ods, with_member, xlsx

ERRORS = ["#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"]
CODES = dict(zip(ERRORS, (0x2A, 0x07, 0x17, 0x0F, 0x1D, 0x24, 0x00), strict=True))
MARK = "errorerror"  # stands where the writer can't write an error itself


def xlsx_with_errors(lines: list[list[object]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        book.add_worksheet("Ghi chú").write(0, 0, "x")
        sheet = book.add_worksheet("Sổ")
        for row, line in enumerate(lines):
            for column, cell in enumerate(line):
                if cell in ERRORS:
                    sheet.write_formula(row, column, "=A1/B1", None, cell)
                elif isinstance(cell, date):
                    sheet.write_datetime(row, column, cell, day)
                elif cell is not None:
                    sheet.write(row, column, cell)
    return file.getvalue()


def xls_with_errors(lines: list[list[object]]) -> bytes:
    book, file = xlwt.Workbook(), io.BytesIO()
    book.add_sheet("Ghi chú").write(0, 0, "x")
    sheet, day = book.add_sheet("Sổ"), xlwt.easyxf(num_format_str="DD/MM/YYYY")
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            if cell in ERRORS:
                sheet.row(row).set_cell_error(column, CODES[cell])
            elif cell is not None:
                sheet.write(row, column, cell, day if isinstance(cell, date) else xlwt.Style.default_style)
    book.save(file)
    return file.getvalue()


def ods_with_errors(lines: list[list[object]]) -> bytes:
    """As LibreOffice writes them."""
    marked = [[f"{MARK}{cell}" if cell in ERRORS else cell for cell in line] for line in lines]
    begin = b'<table:table-cell office:value-type="string"><text:p>' + MARK.encode()
    error = (
        b'<table:table-cell xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
        b' table:formula="of:=[.A1]/[.B1]" office:value-type="string" office:string-value="" calcext:value-type="error">'
        b"<text:p>"
    )
    data = ods({"Ghi chú": [["x"]], "Sổ": marked})
    return with_member(data, "content.xml", lambda xml: xml.replace(begin, error))


WITH_ERRORS = {"xlsx": xlsx_with_errors, "xls": xls_with_errors, "ods": ods_with_errors}
each_with_errors = pytest.mark.parametrize(("kind", "write"), WITH_ERRORS.items(), ids=list(WITH_ERRORS))


@each_with_errors
def test_a_row_with_a_cell_that_shows_an_error_is_rejected_and_says_so(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable
) -> None:
    contract = register(tmp_path, kind, sheet="Sổ")
    lines = [[f"000.{n:02}", "Việc", date(2021, 1, 4), None, 3, 1.5, True] for n in range(1, len(ERRORS) + 1)]
    for place, (line, error) in enumerate(zip(lines, ERRORS, strict=True)):
        line[place] = error
    data = write([["SỔ HỒ SƠ"], HEADER, *lines, [*TYPED[2][:3], None, None, 0.5, False]])
    batch = load_one(warehouse, contract, data)
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected) == (8, 1, 7)
    assert [each["reasons"] for each in rejects(warehouse, batch.batch_id)] == [
        [f"{header}: the cell shows {error}"] for header, error in zip(HEADER, ERRORS, strict=True)
    ]


def test_a_workbook_whose_parts_are_named_in_capitals_is_looked_through(
    warehouse: Settings, tmp_path: Path
) -> None:
    contract, file = register(tmp_path, "xlsx", sheet="Sổ"), io.BytesIO()
    data = xlsx_with_errors([HEADER, ["000.01", "#REF!", None, None, 3, 1.5, True]])
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name.replace("xl/worksheets", "XL/Worksheets"), old.read(name))
    (reject,) = rejects(warehouse, load_one(warehouse, contract, file.getvalue()).batch_id)
    assert reject["reasons"] == ["Trích yếu: the cell shows #REF!"]


@each_with_errors
def test_errors_in_columns_that_the_contract_lacks_and_above_the_header_reject_nothing(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable
) -> None:
    contract = register(tmp_path, kind, sheet="Sổ")
    line = [*TYPED[0][:3], None, 1, 0.5, True]
    data = write([["#REF!", "SỔ HỒ SƠ"], ["Ghi chú", *HEADER], ["#N/A", *line]])
    batch = load_one(warehouse, contract, data)
    assert (batch.rows_loaded, batch.rows_rejected) == (1, 0)


@each_with_errors
def test_errors_are_found_in_sheets_that_begin_further_right_and_after_thousands_of_rows(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable
) -> None:
    contract = register(tmp_path, kind, sheet="Sổ")
    lines = [[f"000.{n}", "Việc", None, None, n, 1.5, True] for n in range(5_100)]
    lines[5_050][4] = lines[5_099][1] = "#N/A"
    data = write([[None], *([None, None, *line] for line in [HEADER, *lines])])
    batch = load_one(warehouse, contract, data)
    assert (batch.rows_loaded, batch.rows_rejected) == (5_098, 2)
    assert [(each["row_number"], each["reasons"]) for each in rejects(warehouse, batch.batch_id)] == [
        (5_051, ["Số trang: the cell shows #N/A"]),
        (5_100, ["Trích yếu: the cell shows #N/A"]),
    ]


def test_an_error_that_an_older_office_wrote_as_a_number_is_one(warehouse: Settings, tmp_path: Path) -> None:
    contract = register(tmp_path, "ods")
    plain = b'<table:table-cell office:value-type="float" office:value="7"'
    shown = b'<table:table-cell table:formula="oooc:=1/0" office:value-type="float" office:value="0"><text:p>#DIV/0!</text:p></table:table-cell>'
    data = with_member(
        ods({"Sổ": [HEADER, ["1", "a", None, None, 7, 1.5, True]]}),
        "content.xml",
        lambda xml: xml.replace(plain + b"/>", shown),
    )
    batch = load_one(warehouse, contract, data)
    (reject,) = rejects(warehouse, batch.batch_id)
    assert reject["reasons"] == ["Số trang: the cell shows #DIV/0!"]


@pytest.mark.parametrize(
    ("cell", "is_calculated"),
    [
        ("<f>1+1</f>", False),
        ("<f>1+1</f><v></v>", False),
        ("<f>1+1</f><v/>", False),
        ('<f t="shared" si="0"/>', False),
        ("<f>1+1</f><v>2</v>", True),
        ('<f t="shared" si="0"/><v>2</v>', True),
    ],
)
@pytest.mark.parametrize("prefix", ["", "x:"])
def test_a_formula_that_no_program_ever_calculated_is_rejected(
    warehouse: Settings, tmp_path: Path, cell: str, is_calculated: bool, prefix: str
) -> None:
    def sheet(xml: bytes) -> bytes:
        text = xml.decode().replace('<c r="E2"><v>7777</v></c>', f'<c r="E2">{cell}</c>')
        if prefix:
            text = text.replace("</", f"</{prefix}").replace("xmlns=", "xmlns:x=")
            text = text.replace("<", f"<{prefix}").replace(f"<{prefix}/", "</").replace(f"<{prefix}?", "<?")
        return text.encode()

    contract = register(tmp_path, "xlsx")
    data = xlsx({"Sổ": [HEADER, ["1", "a", None, None, 7777, 1.5, True]]})
    batch = load_one(warehouse, contract, with_member(data, "xl/worksheets/sheet1.xml", sheet))
    if is_calculated:
        assert [row["page_count"] for row in raw_rows(warehouse, contract, batch.batch_id)] == [2]
    else:
        (reject,) = rejects(warehouse, batch.batch_id)
        assert reject["reasons"] == ["Số trang: the cell has a formula that was never calculated"]


@each_kind
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (179123512345, "179123512345"),
        (-201604010001, "-201604010001"),
        (849123456789012, "849123456789012"),
        (999_999_999_999_999, "999999999999999"),
        (123456789012.5, "123456789012,5"),
        (1_000_000_000_000_000, None),
        (1234567890123456, None),
        (8.491235e18, None),
        (-(10**15), None),
    ],
)
def test_a_long_number_is_read_as_its_digits_or_rejected_whatever_its_column_is(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable, number: float, text: str | None
) -> None:
    contract = register(tmp_path, kind)
    lines = [
        [number, "key", None, None, 1, 1.5, True],
        ["2", number, None, None, 1, 1.5, True],
        ["3", "number", None, None, 1, number, True],
    ]
    batch = load_one(warehouse, contract, write({"Sổ": [HEADER, *lines]}))
    if text:
        key, subject, fee = raw_rows(warehouse, contract, batch.batch_id)
        assert (key["file_code"], subject["subject"], float(fee["fee"])) == (text, text, number)
    else:
        why = "the cell has more digits than the 15 that a workbook keeps of a number"
        assert [each["reasons"] for each in rejects(warehouse, batch.batch_id)] == [
            [f"{HEADER[column]}: {why}"] for column in (0, 1, 5)
        ]


@pytest.mark.parametrize("format", ["csv", "fast", "html", "jsonl"])
@pytest.mark.parametrize("shown", ["8.491235E+11", "8,491235E+11", "2E+15", "-1.5E+100"])
def test_a_number_that_a_workbook_shortened_before_it_became_a_text_is_rejected(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, shown: str
) -> None:
    monkeypatch.setattr(ways, "SMALL", 0 if format == "fast" else 1 << 60)
    format = "csv" if format == "fast" else format
    contract = register(tmp_path, format)
    others = ["2E+15x", "E+15", "1E15", "12E+3", "a 1.5E+10"]
    lines = [[shown, "key", *WRITTEN[0][2:]], ["2", shown, *WRITTEN[0][2:]]]
    lines += [[f"k{n}", other, *WRITTEN[0][2:]] for n, other in enumerate(others)]
    batch = load_one(warehouse, contract, WRITE[format]([HEADER, *lines]))
    assert [row["subject"] for row in raw_rows(warehouse, contract, batch.batch_id)] == others
    assert [each["reasons"] for each in rejects(warehouse, batch.batch_id)] == [
        [f"{header}: a number that a workbook has shortened: its digits are lost"] for header in HEADER[:2]
    ]


# Cells merged over rows


def merged_xlsx() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet, day = book.add_worksheet("Sổ"), book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_row(1, 1, HEADER)
        for row, code in enumerate(("1", "2", "3"), 2):
            sheet.write(row, 1, code)
            sheet.write(row, 7, "x")
        sheet.merge_range(2, 2, 4, 2, "Một việc")
        sheet.merge_range(2, 3, 3, 3, datetime(2021, 1, 4), day)
        sheet.merge_range(3, 5, 4, 5, 12)
        sheet.merge_range(2, 6, 4, 6, 1.5)
    return file.getvalue()


def merged_xls() -> bytes:
    book, file = xlwt.Workbook(), io.BytesIO()
    sheet, day = book.add_sheet("Sổ"), xlwt.easyxf(num_format_str="DD/MM/YYYY")
    for column, header in enumerate(HEADER, 1):
        sheet.write(1, column, header)
    for row, code in enumerate(("1", "2", "3"), 2):
        sheet.write(row, 1, code)
        sheet.write(row, 7, "x")
    sheet.write_merge(2, 4, 2, 2, "Một việc")
    sheet.write_merge(2, 3, 3, 3, datetime(2021, 1, 4), day)
    sheet.write_merge(3, 4, 5, 5, 12)
    sheet.write_merge(2, 4, 6, 6, 1.5)
    book.save(file)
    return file.getvalue()


SPANS = {"Một việc": 3, "04/01/2021": 2, "12": 2, "1,5": 3}
MERGED = [
    ["1", "Một việc", "04/01/2021", "", "", "1,5", "x"],
    ["2", None, None, "", "12", None, "x"],
    ["3", None, "", "", None, None, "x"],
]


def merged_html() -> bytes:
    lines = "".join(
        "<tr>"
        + "".join(f'<td rowspan="{SPANS.get(cell, 1)}">{cell}</td>' for cell in line if cell is not None)
        + "</tr>"
        for line in (HEADER, *MERGED)
    )
    return f"<html><table>{lines}</table></html>".encode()


def merged_ods() -> bytes:
    def spread(xml: bytes) -> bytes:
        text = xml.decode()
        for cell, rows in SPANS.items():
            plain = f'<table:table-cell office:value-type="string"><text:p>{cell}<'
            text = text.replace(plain, plain.replace("cell ", f'cell table:number-rows-spanned="{rows}" '))
        covered = '<table:table-cell office:value-type="string"><text:p>covered</text:p></table:table-cell>'
        return text.replace(covered, "<table:covered-table-cell/>").encode()

    lines = [["covered" if cell is None else cell or None for cell in line] for line in MERGED]
    return with_member(ods({"Sổ": [HEADER, *lines]}), "content.xml", spread)


MERGED_FILES = {"xlsx": merged_xlsx, "xls": merged_xls, "html": merged_html, "ods": merged_ods}


@pytest.mark.parametrize("repeats", [None, True, False])
@pytest.mark.parametrize(("kind", "write"), MERGED_FILES.items(), ids=list(MERGED_FILES))
def test_a_cell_that_is_merged_over_rows_stands_in_each_or_in_the_first_as_the_contract_says(
    warehouse: Settings, tmp_path: Path, kind: str, write: Callable[[], bytes], repeats: bool | None
) -> None:
    contract = register(tmp_path, kind, **({} if repeats is None else {"repeatsMergedCells": repeats}))
    batch = load_one(warehouse, contract, write())
    found = [
        tuple(row[name] for name in ("subject", "opened_date", "page_count", "fee"))
        for row in raw_rows(warehouse, contract, batch.batch_id)
    ]
    day = date(2021, 1, 4)
    assert found == (
        [("Một việc", day, None, 1.5), (None, None, 12, None), (None, None, None, None)]
        if repeats is False
        else [("Một việc", day, None, 1.5), ("Một việc", day, 12, 1.5), ("Một việc", None, 12, 1.5)]
    )
