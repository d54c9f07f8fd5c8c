"""Loading workbooks, HTML tables and JSON: merged headers, title rows, typed cells, pages, and files that are broken."""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter

from kho.contract import Contract, contracts
from kho.load import load
from kho.settings import Settings
from tests.integration import registers
from tests.integration.loading import deliver, raw_rows, rejects, rows

DAY = date(2021, 1, 31)
ENTRY = [
    "1",
    "H51.12",
    "01",
    "UBND-VP",
    "05/01/2021",
    "Công văn",
    "Về việc",
    "Người Ký",
    "Thường",
    "x",
    "",
    "05/01/2021 09:30",
]


def workbook(contract: Contract, *entries: list[object], titles: int = 3) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Văn bản đi")
        moment = book.add_format({"num_format": "dd/mm/yyyy"})
        for line in range(titles):
            sheet.write(line, 2, "SỔ ĐĂNG KÝ VĂN BẢN ĐI")
        sheet.write_row(titles, 0, [column.header for column in contract.columns])
        for line, entry in enumerate(entries, titles + 1):
            for position, cell in enumerate(entry):
                if isinstance(cell, datetime):
                    sheet.write_datetime(line, position, cell, moment)
                elif cell != "":
                    sheet.write(line, position, cell)
    return file.getvalue()


@pytest.fixture
def outgoing(warehouse: Settings) -> Contract:
    return contracts(warehouse)["documents.outgoing"]


@pytest.fixture
def procedures(warehouse: Settings) -> Contract:
    return contracts(warehouse)["one_stop.procedures"]


def load_one(settings: Settings, contract: Contract, data: bytes):
    deliver(settings, contract, "file", data, DAY)
    (batch,) = load(settings, contract)
    return batch


def test_a_register_with_title_rows_is_read_from_its_header_on(
    warehouse: Settings, outgoing: Contract
) -> None:
    typed = [
        "2",
        "H51.12",
        443,
        "UBND-VP",
        datetime(2021, 1, 6),
        "Báo cáo",
        "",
        "",
        "",
        "",
        "x",
        "06/01/2021 10:00",
    ]
    batch = load_one(warehouse, outgoing, workbook(outgoing, ENTRY, typed, ["Tổng cộng", "", "2"]))
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_skipped) == (3, 2, 1)
    first, second = raw_rows(warehouse, outgoing, batch.batch_id)
    assert (first["document_number"], second["document_number"]) == ("01", "443")
    assert second["issued_date"] == date(2021, 1, 6)
    assert (first["is_signed_electronically"], second["is_signed_electronically"]) == (True, False)
    assert "subject" not in first and "signer" not in first


def test_numbers_that_excel_has_rounded_are_rejected_not_repaired(
    warehouse: Settings, outgoing: Contract
) -> None:
    batch = load_one(warehouse, outgoing, workbook(outgoing, [*ENTRY[:2], 123456789012, *ENTRY[3:]]))
    assert rejects(warehouse, batch.batch_id)[0]["reasons"] == ["Số: not of the contract's pattern"]


def test_a_secret_document_never_enters_and_its_row_is_masked_whole(
    warehouse: Settings, outgoing: Contract
) -> None:
    batch = load_one(warehouse, outgoing, workbook(outgoing, [*ENTRY[:8], "Mật", *ENTRY[9:]]))
    (reject,) = rejects(warehouse, batch.batch_id)
    assert batch.rows_loaded == 0 and reject["row_text"] == "•••"


def test_a_workbook_that_unpacks_beyond_the_cap_is_unreadable(
    warehouse: Settings, outgoing: Contract
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 70_000_000)
    bomb = file.getvalue()
    # The zip's own size fields may lie: say that it is small.
    lying = bomb.replace((70_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    assert lying != bomb
    for number, data in enumerate((bomb, lying)):
        deliver(warehouse, outgoing, f"bomb{number}", data, DAY)
    for batch in load(warehouse, outgoing):
        assert batch.state == "unreadable" and "more than 64 MB" in (batch.reason or "")


@pytest.mark.parametrize("cut", [10, 200, 3_000])
def test_a_truncated_workbook_is_unreadable(warehouse: Settings, outgoing: Contract, cut: int) -> None:
    batch = load_one(warehouse, outgoing, workbook(outgoing, ENTRY)[:cut])
    assert batch.state == "unreadable" and "no whole workbook" in (batch.reason or "")


HTML = """<html><body><table border=1>
<tr><td colspan="10">DANH MỤC THỦ TỤC</td></tr>
<tr><th rowspan="3">STT</th><th colspan="4">Thủ tục</th><th colspan="2">Lĩnh vực</th><th colspan="2">Trực tuyến</th><th rowspan="2">Bưu chính</th></tr>
<tr><th rowspan="2">Mã định danh</th><th rowspan="2">Mã TTHC</th><th rowspan="2">Tên thủ tục hành chính</th><th rowspan="2">Nhóm thủ tục</th>
<th rowspan="2">Mã lĩnh vực</th><th rowspan="2">Tên lĩnh vực</th><th rowspan="2">Mức độ</th><th rowspan="2">Theo quy định</th></tr>
<tr><th>Công bố BCCI</th></tr>
<tr><td>I</td><td colspan="9">Hộ tịch</td></tr>
<tr><td>1</td><td>000.21.12.H51</td><td>1.004946</td><td>Đăng ký <b>khai sinh</b></td><td>Thuộc thẩm quyền</td><td>civil_status</td><td>Hộ tịch</td><td>4</td><td>NĐ 43/2011</td><td>x</td></tr>
<tr><td>2</td><td>000.21.12.H51</td><td>mã hỏng</td><td>B</td><td>Khác</td><td>civil_status</td><td>Hộ tịch</td><td>9</td><td>NĐ 43/2011</td><td></td></tr>
<tr><td colspan="9">Tổng cộng</td><td>2</td></tr>
</table></body></html>"""


def test_an_html_table_named_xls_is_read_through_its_merged_headers(
    warehouse: Settings, procedures: Contract
) -> None:
    batch = load_one(warehouse, procedures, HTML.encode())
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected, batch.rows_skipped) == (4, 1, 1, 2)
    (row,) = raw_rows(warehouse, procedures, batch.batch_id)
    assert (row["procedure_name"], row["is_announced_for_post"]) == ("Đăng ký khai sinh", True)
    assert len(rejects(warehouse, batch.batch_id)[0]["reasons"]) == 3
    (ledger,) = rows(warehouse, "select profile from ledger.batch where batch_id = %s", batch.batch_id)
    assert ledger["profile"]["skipped_by_reason"] == {"section row": 1, "total row": 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HTML.encode()[:-30], "cut off"),
        (b"<html><body>503 Service Unavailable</body></html>", "no HTML table"),
        (HTML.encode().replace(b"Nh", b"N\xff"), "not utf-8"),
        (b"<table><tr><td>a</td></tr></table>", "not the header"),
        (b"<table>" + b" " * 64_000_001 + b"</table>", "larger than 64 MB"),
    ],
)
def test_a_broken_html_export_is_unreadable_and_says_why(
    warehouse: Settings, procedures: Contract, data: bytes, reason: str
) -> None:
    batch = load_one(warehouse, procedures, data)
    assert batch.state == "unreadable" and reason in (batch.reason or "")


EVENT = {
    "event_id": "e1",
    "from_organ": "H51.12",
    "to_organ": "H51.12.21",
    "code_number": "7",
    "code_notation": "UBND-VP",
    "promulgation_date": "2021-01-05",
    "status": "01",
    "timestamp": "2021-01-05T08:15:00+07:00",
}


def test_json_lines_are_typed_and_bad_lines_rejected_at_their_offset(warehouse: Settings) -> None:
    contract = contracts(warehouse)["documents.deliveries"]
    events = [
        EVENT | {"staff_name": "Ai Đó", "extra": 1},
        EVENT | {"event_id": "e2", "status": "99"},
        EVENT | {"event_id": "e3", "timestamp": "2021-01-05T08:15:60+07:00"},
        EVENT | {"event_id": "e\0"},
    ]
    lines = [json.dumps(event).encode() for event in events]
    data = b"\n".join([lines[0], b"{broken", b"[1]", b"", *lines[1:]])
    batch = load_one(warehouse, contract, data)
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected, batch.rows_skipped) == (7, 1, 5, 1)
    (row,) = raw_rows(warehouse, contract, batch.batch_id)
    assert row["occurred_at"].isoformat() == "2021-01-05T08:15:00+07:00" and "officer" not in row
    found = rejects(warehouse, batch.batch_id)
    assert data[found[0]["byte_offset"] :].startswith(b"{broken")
    assert found[-2]["reasons"] == ["timestamp: not a time (yyyy-MM-dd'T'HH:mm:ssXXX)"]
    (ledger,) = rows(warehouse, "select profile from ledger.batch where batch_id = %s", batch.batch_id)
    assert ledger["profile"]["unknown_columns"] == {"field 10 of row 1 (5 letters)": 1}


def test_an_empty_file_of_json_lines_says_that_nothing_happened(warehouse: Settings) -> None:
    batch = load_one(warehouse, contracts(warehouse)["documents.deliveries"], b"")
    assert (batch.state, batch.rows_in_file) == ("pending", 0)


ITEM = {
    "id": "i1",
    "unit": "H51.12",
    "section": "Tin tức",
    "type": "news",
    "title": "T",
    "author": "A",
    "status": "received",
    "photos": 2,
    "received_at": "2021-01-05T08:15:00+07:00",
    "published_at": None,
    "updated_at": "2021-01-05T08:15:00+07:00",
}


def test_pages_of_an_api_and_a_dropped_in_document_are_read_alike(warehouse: Settings) -> None:
    contract = contracts(warehouse)["portal.items"]
    pages = [
        json.dumps({"items": [ITEM | {"id": f"i{page}{n}"} for n in range(3)]}).encode() for page in range(2)
    ]
    deliver(warehouse, contract, "pages", b"".join(b"\x1e" + page + b"\n" for page in pages), DAY)
    deliver(warehouse, contract, "document", pages[0], DAY)
    deliver(warehouse, contract, "cut", pages[0][:-20], DAY)
    paged, dropped, cut = load(warehouse, contract)
    assert (paged.rows_loaded, dropped.rows_loaded, cut.state) == (6, 3, "unreadable")
    assert raw_rows(warehouse, contract, paged.batch_id)[0]["photo_count"] == 2


def test_objects_within_objects_and_typed_values_of_json_are_read(
    warehouse: Settings, tmp_path: Path
) -> None:
    headers = {"subject": "hồ sơ.trích yếu", "page_count": "trang.số", "fee": "phí", "is_open": "mở"}
    record = {
        "Mã hồ sơ": "01",
        unicodedata.normalize("NFD", "hồ sơ"): {unicodedata.normalize("NFD", "trích yếu"): "Việc"},
        "Ngày mở": "04/01/2021",
        "Cập nhật": "05/01/2021 09:30:00",
        "trang": {"số": 12, "khác": [1]},
        "phí": 1.234,
        "mở": True,
    }
    contract = registers.register(tmp_path, "json", headers=headers, recordsPath="kết quả.hồ sơ")
    data = json.dumps({"kết quả": {"hồ sơ": [record, record | {"Mã hồ sơ": "02", "phí": 1e-7, "mở": False}]}})
    batch = load_one(warehouse, contract, data.encode())
    assert rejects(warehouse, batch.batch_id) == []
    found = raw_rows(warehouse, contract, batch.batch_id)
    assert [(row["subject"], row["page_count"], row["fee"], row["is_open"]) for row in found] == [
        ("Việc", 12, Decimal("1.234"), True),
        ("Việc", 12, Decimal("0.0000001"), False),
    ]
    (ledger,) = rows(warehouse, "select profile from ledger.batch")
    assert ledger["profile"]["unknown_columns"] == {"field 6 of row 1 (9 letters 1 sign)": 2}


def test_broken_json_is_unreadable_and_says_why(warehouse: Settings, tmp_path: Path) -> None:
    contract = registers.register(tmp_path, "json", recordsPath="a.b", maxFileMegabytes=1)
    registers.expect_unreadable(
        warehouse,
        contract,
        {
            "empty": (b"", "the file is empty"),
            "cut off": (b'{"a": {"b": [{"x": 1}', "is the file cut off?"),
            "html": (b"<html></html>", "not JSON"),
            "no list": (b'{"a": {"b": {}}}', "has no list 'a.b'"),
            "no path": (b'{"a": 1}', "has no list 'a.b'"),
            "a list": (b'[{"x": 1}]', "has no list 'a.b'"),
            "a number": (b"1", "has no list 'a.b'"),
            "not utf-8": (b'{"a": {"b": [{"x": "\xff"}]}}', "not JSON"),
            "deep": (b'{"a":' * 200_000, "not JSON"),
            "a page too large": (b" " * 3_000_000 + b"{}", "larger than 1 MB"),
            "a second page cut off": (b'\x1e{"a": {"b": []}}\n\x1e{"a": {"b": [', "is the file cut off?"),
        },
    )


def test_objects_within_objects_without_end_are_one_rejected_line(
    warehouse: Settings, tmp_path: Path
) -> None:
    deep = b'{"a":' * 100_000
    nested = '{"Mã hồ sơ": "01", "a":'.encode() + b'{"a":' * 100 + b"1" + b"}" * 101
    batch = load_one(warehouse, registers.register(tmp_path, "jsonl"), b"\n".join([deep, nested, deep]))
    assert (batch.rows_in_file, batch.rows_loaded, batch.rows_rejected) == (3, 1, 2)
