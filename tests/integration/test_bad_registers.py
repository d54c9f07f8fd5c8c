"""Bad input of the registers' workbooks and of the VNI file: a clear reason for every row or file, and nothing else changes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime

import pytest
import xlsxwriter

import kho.formats.encodings  # noqa: F401  (makes vni and tcvn3 known)
from kho import check
from kho.contract import contracts
from kho.load import load
from kho.settings import Settings
from kho.transform import builds
from kho_sample import certificates, civil_status, misa, population, workplace
from tests.integration.loading import deliver, load_each, raw_rows, rejects, rows

DAY = date(2021, 6, 30)
SEED = "seeds/code_mappings.csv"
PATTERN = "not of the contract's pattern"
TOO_LONG = "the cell has more digits than the 15 that a workbook keeps of a number"
NO_AGENCY = "not an agency's code"
NOT_A_DATE = "not a date (dd/MM/yyyy)"

Cells = dict[str, object]


def labels(header: Sequence[Sequence[str]]) -> list[str]:
    """One line of labels from a header of two."""
    return [low or high for high, low in zip(*header, strict=True)]


ENTRY: Cells = dict(
    zip(
        civil_status.HEADER,
        ("H51.12.21", "Khai sinh", "01/2021", "17", "04/01/2021", "000.21.12.H51-210104-0001"),
        strict=True,
    )
)
GOOD: dict[str, Cells] = {
    "certificates.register": dict(
        zip(
            labels(certificates.HEADER),
            (
                1, "H59.06.15", "Hội Cựu chiến binh huyện", "0123456789ABCDEF01234567", "Tổ chức", "Nguyễn Văn Mẫu",
                "VNPT-CA", date(2015, 3, 1), date(2017, 3, 1), "Đang hiệu lực",
            ),
            strict=True,
        )
    ),
    "misa.spending": dict(
        zip(
            misa.HEADER,
            (1, date(2021, 1, 5), "PC00001", "Mua máy cho bà Nguyễn Thị Thử", "6956", 12_500_000, "H51.12"),
            strict=True,
        )
    ),
    "population.services": dict(
        zip(
            labels(population.HEADER),
            (1, "H51.12", "Huyện Long Phú", "DVC-0001", "Đăng ký thường trú", date(2021, 1, 4), "Đã đăng ký"),
            strict=True,
        )
    ),
    "workplace.staff": dict(
        zip(workplace.STAFF, (1, "CB-00001", "Nguyễn Văn Mẫu", date(1980, 1, 1), "Cán sự", "H51.12"), strict=True)
    ),
    "workplace.mailboxes": dict(
        zip(workplace.MAILBOXES, (1, "cb-1@example.gov.vn", "CB-00001", "H51.12", "Hoạt động"), strict=True)
    ),
    "workplace.computers": dict(
        zip(workplace.COMPUTERS, (1, "MT-00001", "CB-00001", "H51.12", 2016, "x"), strict=True)
    ),
}  # fmt: skip


TWO_HEADER_ROWS = {"certificates.register", "population.services"}


def xlsx(contract: str, lines: Sequence[Cells]) -> bytes:
    """A workbook of these rows below the contract's header, cells typed as they are here."""
    file = io.BytesIO()
    sheets = {"certificates.register": "Chứng thư số"}
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet, day = book.add_worksheet(sheets.get(contract)), book.add_format({"num_format": "dd/mm/yyyy"})
        header = [list(GOOD[contract]), [None]] if contract in TWO_HEADER_ROWS else [list(GOOD[contract])]
        for row, cells in enumerate([*header, *(line.values() for line in lines)]):
            for column, cell in enumerate(cells):
                if isinstance(cell, date):
                    sheet.write_datetime(row, column, datetime.combine(cell, datetime.min.time()), day)
                elif cell is not None:
                    sheet.write(row, column, cell)
    return file.getvalue()


def vni(lines: Sequence[Cells]) -> bytes:
    text = "\r\n".join(
        ";".join(map(str, line)) for line in [civil_status.HEADER, *(each.values() for each in lines)]
    )
    return f"{text}\r\n".encode("vni")


def unmapped(domain: str, system: str) -> str:
    return f"unmapped code; add {domain},{system},<code>,<meaning> to {SEED}"


#: per export: column, what stands there, and what is wrong with it
BAD_CELLS: dict[str, list[tuple[str, object, str]]] = {
    "certificates.register": [
        ("Mã định danh", None, "missing"),
        ("Mã định danh", 59, NO_AGENCY),
        ("Mã định danh", "15.06.H59", NO_AGENCY),
        ("Số sê-ri", None, "missing"),
        ("Số sê-ri", 1.2e25, TOO_LONG),
        ("Số sê-ri", "0123 4567", PATTERN),
        ("Loại chứng thư", "Hội đoàn", unmapped("certificate_holder", "certificates")),
        ("Loại chứng thư", None, "missing"),
        ("Đơn vị cấp", None, "missing"),
        ("Từ ngày", "31/02/2016", NOT_A_DATE),
        ("Từ ngày", "03/2016", NOT_A_DATE),
        ("Đến ngày", 43100, NOT_A_DATE),
        ("Đến ngày", "vô thời hạn", NOT_A_DATE),
        ("Đến ngày", None, "missing"),
        ("Tình trạng", "Còn hạn", unmapped("certificate_status", "certificates")),
        ("Tình trạng", "đang hiệu lực", unmapped("certificate_status", "certificates")),
    ],
    "misa.spending": [
        ("Ngày hạch toán", "31/04/2021", NOT_A_DATE),
        ("Ngày hạch toán", "2021-01-05", NOT_A_DATE),
        ("Ngày hạch toán", None, "missing"),
        ("Số chứng từ", None, "missing"),
        ("Số chứng từ", "chi 1", PATTERN),
        ("Tiểu mục", "6699", unmapped("spending_item", "misa")),
        ("Tiểu mục", None, "missing"),
        ("Số tiền", "1,5 triệu", "not a whole number"),
        ("Số tiền", 1500.5, "not a whole number"),
        ("Số tiền", "12.50", "not a whole number"),
        ("Số tiền", 9.5e15, TOO_LONG),
        ("Số tiền", None, "missing"),
        ("Mã định danh", "1071234", NO_AGENCY),
        ("STT", "1.1", PATTERN),
    ],
    "population.services": [
        ("Mã định danh", "Long Phú", NO_AGENCY),
        ("Mã dịch vụ", "DVC-1", PATTERN),
        ("Mã dịch vụ", 1, PATTERN),
        ("Tên dịch vụ", None, "missing"),
        ("Ngày đăng ký", "quý I", NOT_A_DATE),
        ("Ngày đăng ký", "4/1/2021", NOT_A_DATE),
        ("Trạng thái", "Chờ duyệt", unmapped("connection_status", "population")),
        ("Trạng thái", None, "missing"),
    ],
    "workplace.staff": [
        ("Mã cán bộ", None, "missing"),
        ("Mã định danh", "phòng họp", NO_AGENCY),
        ("Mã định danh", None, "missing"),
    ],
    "workplace.mailboxes": [
        ("Địa chỉ hộp thư", "cb-1", PATTERN),
        ("Địa chỉ hộp thư", "cb-1@gmail.com", PATTERN),
        ("Địa chỉ hộp thư", None, "missing"),
        ("Mã định danh", "12", NO_AGENCY),
        ("Trạng thái", "Ngưng", unmapped("mailbox_status", "workplace")),
    ],
    "workplace.computers": [
        ("Mã tài sản", "máy 1", PATTERN),
        ("Năm mua", "chưa rõ", "not a whole number at least 1990 at most 2100"),
        ("Năm mua", 16, "not a whole number at least 1990 at most 2100"),
        ("Kết nối mạng", "có", "neither yes nor no"),
    ],
    "civil_status.registrations": [
        ("Mã đơn vị", "", "missing"),
        ("Mã đơn vị", "21", NO_AGENCY),
        ("Mã đơn vị", "Xã Long Phú", NO_AGENCY),
        ("Loại việc", "", "missing"),
        ("Loại việc", "Khai sinh lại", unmapped("civil_event", "civil_status")),
        ("Loại việc", "KHAI SINH", unmapped("civil_event", "civil_status")),
        ("Loại việc", "Khai  sinh", unmapped("civil_event", "civil_status")),
        ("Quyển số", "", "missing"),
        ("Quyển số", "1/2021", PATTERN),
        ("Quyển số", "01-2021", PATTERN),
        ("Số", "", "missing"),
        ("Số", "17a", "not a whole number at least 1"),
        ("Số", "0", "not a whole number at least 1"),
        ("Số", "1,7", "not a whole number at least 1"),
        ("Số", "9.5E+10", "not a whole number at least 1"),
        ("Ngày đăng ký", "", "missing"),
        ("Ngày đăng ký", "31/02/2021", NOT_A_DATE),
        ("Ngày đăng ký", "2021-01-04", NOT_A_DATE),
        ("Ngày đăng ký", "44200", NOT_A_DATE),
        ("Ngày đăng ký", "ngày 4 tháng 1", NOT_A_DATE),
        ("Mã hồ sơ", "không có", PATTERN),
        ("Mã hồ sơ", "000.21.12.H51-4/1/21-0001", PATTERN),
    ],
}


def bad_rows(name: str) -> bytes:
    lines = [GOOD.get(name, ENTRY) | {header: value} for header, value, _ in BAD_CELLS[name]]
    return xlsx(name, lines) if name in GOOD else vni(lines)


@pytest.mark.parametrize("name", BAD_CELLS)
def test_a_bad_row_is_rejected_with_its_reason_and_nobody_s_name(
    module_warehouse: Settings, name: str
) -> None:
    contract = contracts(module_warehouse)[name]
    deliver(module_warehouse, contract, "bad rows", bad_rows(name), DAY)
    (batch,) = load(module_warehouse, contract)
    found = rejects(module_warehouse, batch.batch_id)
    assert [row["reasons"] for row in found] == [
        [f"{header}: {problem}"] for header, _, problem in BAD_CELLS[name]
    ]
    assert (batch.state, batch.rows_loaded) == ("pending", 0)
    told = " ".join(row["row_text"] or "" for row in found)
    assert not any(secret in told for secret in ("Nguyễn", "CB-00001", "example.gov.vn", "01/01/1980"))


def test_rows_that_are_no_data_are_skipped_and_a_row_that_repeats_or_is_ragged_is_told(
    module_warehouse: Settings,
) -> None:
    here = module_warehouse
    entry, book = GOOD["misa.spending"], contracts(here)["misa.spending"]
    lines = [
        dict.fromkeys(entry) | {"STT": text}
        for text in ("Mục 6950: Mua sắm", "Cộng tiểu mục 6956", "Tổng cộng", "Người lập biểu", None)
    ]
    deliver(here, book, "bad totals", xlsx("misa.spending", [*lines, entry, entry]), DAY)
    (batch,) = load(here, book)
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected, batch.rows_skipped) == (7, 1, 1, 5)
    assert [row["reasons"] for row in rejects(here, batch.batch_id)] == [
        ["row: repeats an earlier row of the file (same key and version)"]
    ]
    (kept,) = raw_rows(here, book, batch.batch_id)
    assert (kept["amount_vnd"], kept["posted_date"]) == (12_500_000, date(2021, 1, 5))

    events = contracts(here)["civil_status.registrations"]
    broken = b"".join([
        vni([ENTRY | {"Số": "18"}]),
        b"H51.12.21;Khai sinh;01/2021\r\n",
        b"x;" * 8 + b"\r\n",
        b"H51.12.21;Khai \xf9sinh;01/2021;19;04/01/2021;\r\n",  # a mark without its letter
        b"H51.12.21;Khai sinh;01/2021;20;04/01/2021;\r\n",
    ])  # fmt: skip
    deliver(here, events, "bad shape", broken, DAY)
    (batch,) = load(here, events)
    assert (batch.rows_loaded, batch.rows_rejected) == (2, 3)
    assert [row["reasons"] for row in rejects(here, batch.batch_id)] == [
        ["row: ragged row: 3 columns instead of 6"],
        ["row: ragged row: 9 columns instead of 6"],
        ["row: a character is not vni"],
    ]


GOOD_VNI = vni([ENTRY])
TEXT = GOOD_VNI.decode("vni")
BOOK = xlsx("workplace.staff", [GOOD["workplace.staff"]])
BAD_FILES = [
    ("civil_status.registrations", b"", "the file is empty"),
    ("civil_status.registrations", b"<html><body>502 Bad Gateway</body></html>", "this is not the header"),
    ("civil_status.registrations", TEXT.encode(), "a character is not vni; it looks like utf-8"),
    ("civil_status.registrations", TEXT.encode("utf-16"), "the file starts with the mark of utf-16"),
    ("civil_status.registrations", TEXT.encode("utf-8-sig"), "the file starts with the mark of utf-8"),
    ("civil_status.registrations", TEXT.encode("tcvn3"), "a character is not vni; it looks like tcvn3"),
    ("civil_status.registrations", b"PK\x03\x04" + b"\x00" * 200, "the file is binary"),
    ("civil_status.registrations", GOOD_VNI.replace(b";", b"\t"), "this is not the header"),
    ("workplace.staff", b"", "the file is empty"),
    ("workplace.staff", BOOK[:-40], "no whole workbook"),
    ("workplace.staff", b"a;b\n1;2\n", "this is no xlsx: it is another kind of file"),
    ("workplace.staff", b"<html><table></table></html>", "it is html"),
    ("workplace.staff", xlsx("misa.spending", [GOOD["misa.spending"]]), "this is not the header of workplace.staff"),
    ("certificates.register", BOOK, "none with the contract's header"),
    ("population.services", xlsx("workplace.staff", []), "this is not the header of population.services"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "problem"), BAD_FILES)
def test_a_file_that_is_no_such_export_is_unreadable_and_says_why(
    module_warehouse: Settings, name: str, data: bytes, problem: str
) -> None:
    contract = contracts(module_warehouse)[name]
    deliver(module_warehouse, contract, f"bad{BAD_FILES.index((name, data, problem))}", data, DAY)
    (batch,) = load(module_warehouse, contract)
    assert batch.state == "unreadable" and problem in batch.reason
    assert (batch.rows_in_file, batch.rows_loaded) == (0, 0)


def test_the_boundary_holds_them_all_and_the_next_build_reads_what_it_read_before(
    warehouse: Settings,
) -> None:
    rejected = [(name, bad_rows(name)) for name in BAD_CELLS]
    bad = load_each(warehouse, [*rejected, *((name, data) for name, data, _ in BAD_FILES)], DAY, "bad")
    assert len(bad) == len(BAD_CELLS) + len(BAD_FILES)
    pair = [("civil_status.registrations", GOOD_VNI), ("workplace.staff", BOOK)]
    good = sorted(batch.batch_id for batch in load_each(warehouse, pair, DAY, "good"))
    verdict = check.exports(warehouse, DAY)
    assert sorted(verdict.accepted) == good
    builds.open_build(warehouse, DAY)
    read = rows(warehouse, "select batch_id from ledger.build_input order by 1")
    assert [each["batch_id"] for each in read] == good
