"""The register of software in operation: what a list may not say, and what becomes of a file that is none."""

from __future__ import annotations

from datetime import date

from kho import check
from kho.contract import contracts
from kho.load import load
from kho.settings import Settings
from kho_sample.export import crlf_csv
from kho_sample.register import HEADER
from tests.integration.loading import deliver, raw_rows, rejects, rows

DAY = date(2017, 1, 1)
GOOD = (
    "1",
    "H59.06",
    "Quản lý văn bản iDesk",
    "H59.06.21",
    "Thị trấn Tiểu Cần",
    "",
    "01/01/2015",
    "",
    "1530/QĐ-UBND",
)
WRONG = {
    "Mã huyện": ["", "946", "06.H59", "H59.6", "h59.06"],
    "Phần mềm": ["", "Zalo", "quản lý văn bản idesk"],
    "Mã định danh": ["", "29341", "21.06.H59", "H59.06.21 và H59.06.22"],
    "Gồm phòng ban": ["không", "1"],
    "Đưa vào sử dụng": ["", "2015", "31/02/2015", "2015-01-01", "1/1/15"],
    "Ngừng sử dụng": ["đang sử dụng", "31/12"],
}
NO_CODE, NO_DATE = "not an agency's code", "not a date (dd/MM/yyyy)"


def test_a_row_that_says_nothing_certain_is_a_reject_with_its_reason(warehouse: Settings) -> None:
    contract = contracts(warehouse)["register.operations"]
    unmapped = "unmapped code; add system,register,<code>,<meaning> to seeds/code_mappings.csv"
    reasons = {
        "Mã huyện": ["missing", NO_CODE, NO_CODE, NO_CODE, NO_CODE],
        "Phần mềm": ["missing", unmapped, unmapped],
        "Mã định danh": ["missing", NO_CODE, NO_CODE, NO_CODE],
        "Gồm phòng ban": ["neither yes nor no"] * 2,
        "Đưa vào sử dụng": ["missing", NO_DATE, NO_DATE, NO_DATE, NO_DATE],
        "Ngừng sử dụng": [NO_DATE] * 2,
    }
    lines, expected = [list(HEADER), list(GOOD)], []
    for header, values in WRONG.items():
        for value, reason in zip(values, reasons[header], strict=True):
            lines.append([value if name == header else good for name, good in zip(HEADER, GOOD, strict=True)])
            expected.append([f"{header}: {reason}"])
    data = crlf_csv([*lines, ["Tổng cộng: 21", *[""] * 8]]).encode("utf-8-sig")
    deliver(warehouse, contract, "operations_H59.06_20170101.csv", data, DAY)
    (batch,) = load(warehouse, contract)
    assert [each["reasons"] for each in rejects(warehouse, batch.batch_id)] == expected
    assert len(expected) == 21
    (row,) = raw_rows(warehouse, contract, batch.batch_id)
    assert (row["agency_code"], row["operated_from"], row["operated_to"]) == (
        "H59.06.21",
        date(2015, 1, 1),
        None,
    )
    assert (batch.rows_in_file, batch.rows_skipped) == (23, 1)


def test_a_file_that_is_no_list_leaves_nothing(warehouse: Settings) -> None:
    contract = contracts(warehouse)["register.operations"]
    text = crlf_csv([list(HEADER), list(GOOD)])
    broken = {
        "utf-16": (text.encode("utf-16"), "utf-16"),
        "TCVN3": ("M· huyÖn;PhÇn mÒm\r\n".encode("cp1252"), "it looks like tcvn3"),
        "empty": (b"", "the file is empty"),
        "html": (b"<html><body>404</body></html>", "found column 1 (16 letters 3 digits 10 signs)"),
        "no system": (text.replace("Phần mềm", "Ghi").encode("utf-8-sig"), "columns are missing: phần mềm"),
    }
    for name, (data, _) in broken.items():
        deliver(warehouse, contract, name, data, DAY)
    load(warehouse, contract)
    assert not check.exports(warehouse, DAY).accepted
    judged = rows(warehouse, "select name, reason from ledger.batch join ledger.delivery using (delivery_id)")
    assert [each for each in judged if broken[each["name"]][1] not in each["reason"].lower()] == []
    assert len(judged) == len(broken)
    assert rows(warehouse, "select 1 from raw.register__operations") == []
