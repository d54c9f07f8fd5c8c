"""Bad input of both document systems: edXML messages in zips, and Excel 97 registers typed with ABC fonts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import pytest
import xlwt

from kho import check
from kho.contract import contracts
from kho.load import load
from kho.settings import Settings
from kho.transform import builds
from kho_sample import moffice
from tests.integration.loading import deliver, load_each, raw_rows, rejects, rows

DAY = date(2017, 6, 30)
SEED = "seeds/code_mappings.csv"
PATTERN = "not of the contract's pattern"

# edXML


HEADER = "edXMLEnvelope/edXMLHeader/"
LETTER, TRACE = f"{HEADER}MessageHeader/", f"{HEADER}TraceHeaderList/"
MESSAGE = """<?xml version="1.0" encoding="utf-8"?>
<e:edXML xmlns:e="http://www.mic.gov.vn/TBT/QCVN_102_2016"><e:edXMLEnvelope><e:edXMLHeader><e:MessageHeader>
<e:From><e:OrganId>000.00.06.H59</e:OrganId><e:OrganName>UBND huyện</e:OrganName></e:From>
<e:To><e:OrganId>000.21.06.H59</e:OrganId></e:To><e:To><e:OrganId>000.22.06.H59</e:OrganId></e:To>
<e:Code><e:CodeNumber>12</e:CodeNumber><e:CodeNotation>UBND-VP</e:CodeNotation></e:Code>
<e:PromulgationInfo><e:Place>Tiểu Cần</e:Place><e:PromulgationDate>2017/06/05</e:PromulgationDate></e:PromulgationInfo>
<e:DocumentType><e:TypeName>Công văn</e:TypeName></e:DocumentType><e:Subject>Về ông Nguyễn Văn Mẫu</e:Subject>
<e:SignerInfo><e:Position>Chủ tịch</e:Position><e:FullName>Trần Thị Thử</e:FullName></e:SignerInfo>
<e:OtherInfo><e:Priority>0</e:Priority><e:PageAmount>3</e:PageAmount></e:OtherInfo>
<e:DocumentId>000.00.06.H59,2017/06/05,12/UBND-VP</e:DocumentId></e:MessageHeader>
<e:TraceHeaderList><e:TraceHeader><e:OrganId>000.00.06.H59</e:OrganId><e:Timestamp>2017/06/05 08:00:00</e:Timestamp></e:TraceHeader>
<e:TraceHeader><e:OrganId>000.00.00.G22</e:OrganId><e:Timestamp>2017/06/05 08:01:02</e:Timestamp></e:TraceHeader>
<e:Bussiness><e:BussinessDocType>0</e:BussinessDocType><e:BussinessDocReason/><e:Paper>1</e:Paper>
<e:StaffInfo><e:Staff>Lê Văn Thư</e:Staff></e:StaffInfo></e:Bussiness></e:TraceHeaderList>
</e:edXMLHeader></e:edXMLEnvelope></e:edXML>"""
STATUS = """<?xml version="1.0" encoding="utf-8"?>
<e:edXML xmlns:e="http://www.mic.gov.vn/TBT/QCVN_102_2016"><e:edXMLEnvelope><e:edXMLHeader><e:Status>
<e:ResponseFor><e:OrganId>000.00.06.H59</e:OrganId><e:Code>12/UBND-VP</e:Code><e:PromulgationDate>2017/06/05</e:PromulgationDate></e:ResponseFor>
<e:From><e:OrganId>000.21.06.H59</e:OrganId></e:From><e:StatusCode>03</e:StatusCode><e:Timestamp>2017/06/05 09:00:00</e:Timestamp>
<e:StaffInfo><e:Staff>Lê Văn Thư</e:Staff></e:StaffInfo></e:Status></e:edXMLHeader></e:edXMLEnvelope></e:edXML>"""


def unmapped(domain: str, system: str) -> str:
    return f"unmapped code; add {domain},{system},<code>,<meaning> to {SEED}"


#: what stands in the message, what stands there instead, and the reason that is told
BAD_MESSAGES: list[tuple[str, str, str]] = [
    ("<e:CodeNumber>12<", "<e:CodeNumber>mười hai<", f"{LETTER}Code/CodeNumber: {PATTERN}"),
    ("<e:CodeNumber>12<", "<e:CodeNumber><", f"{LETTER}Code/CodeNumber: missing"),
    ("<e:CodeNumber>12<", "<e:CodeNumber>12/2017<", f"{LETTER}Code/CodeNumber: {PATTERN}"),
    (">UBND-VP</e:CodeNotation", "></e:CodeNotation", f"{LETTER}Code/CodeNotation: missing"),
    (">UBND-VP</e:CodeNotation", ">M-UBND</e:CodeNotation", f"{LETTER}Code/CodeNotation: {PATTERN}"),
    (">UBND-VP</e:CodeNotation", ">TM – UBND</e:CodeNotation", f"{LETTER}Code/CodeNotation: {PATTERN}"),
    ("<e:OrganId>000.00.06.H59</e:OrganId><e:OrganName>", "<e:OrganId>UBND</e:OrganId><e:OrganName>", f"{LETTER}From/OrganId: not an agency's code"),
    ("<e:OrganId>000.00.06.H59</e:OrganId><e:OrganName>", "<e:OrganName>", f"{LETTER}From/OrganId: missing"),
    ("<e:OrganId>000.22.06.H59<", "<e:OrganId>Xã Phú Cần<", f"{LETTER}To/OrganId: not agencies' codes joined by '; '"),
    ("2017/06/05</e:PromulgationDate", "2017/02/31</e:PromulgationDate", f"{LETTER}PromulgationInfo/PromulgationDate: not a date (yyyy/MM/dd)"),
    ("2017/06/05</e:PromulgationDate", "05/06/2017</e:PromulgationDate", f"{LETTER}PromulgationInfo/PromulgationDate: not a date (yyyy/MM/dd)"),
    ("2017/06/05</e:PromulgationDate", "</e:PromulgationDate", f"{LETTER}PromulgationInfo/PromulgationDate: missing"),
    (">Công văn<", ">Sắc lệnh<", f"{LETTER}DocumentType/TypeName: {unmapped('document_type', 'idesk')}"),
    (">Công văn<", "><", f"{LETTER}DocumentType/TypeName: missing"),
    ("<e:Priority>0<", "<e:Priority>9<", f"{LETTER}OtherInfo/Priority: not a whole number at least 0 at most 4"),
    ("<e:PageAmount>3<", "<e:PageAmount>ba<", f"{LETTER}OtherInfo/PageAmount: not a whole number at least 0"),
    (">000.00.06.H59,2017/06/05,12/UBND-VP<", "><", f"{LETTER}DocumentId: missing"),
    ("<e:BussinessDocType>0<", "<e:BussinessDocType>7<", f"{TRACE}Bussiness/BussinessDocType: not one of the contract's values"),
    ("<e:BussinessDocType>0<", "<e:BussinessDocType><", f"{TRACE}Bussiness/BussinessDocType: missing"),
    ("<e:Paper>1<", "<e:Paper>có<", f"{TRACE}Bussiness/Paper: neither yes nor no"),
    ("2017/06/05 08:01:02", "2017/06/05 25:01:02", f"{TRACE}TraceHeader/Timestamp[last()]: not a time (yyyy/MM/dd HH:mm:ss)"),
    ("2017/06/05 08:01:02", "hôm qua", f"{TRACE}TraceHeader/Timestamp[last()]: not a time (yyyy/MM/dd HH:mm:ss)"),
    ("<e:BussinessDocReason/>", "<e:DocumentId>văn bản số 12</e:DocumentId>", f"{TRACE}Bussiness/DocumentId: {PATTERN}"),
    (
        "</e:StaffInfo>",
        "</e:StaffInfo><e:ReplacementInfoList><e:ReplacementInfo><e:DocumentId>12</e:DocumentId></e:ReplacementInfo></e:ReplacementInfoList>",
        f"{TRACE}Bussiness/ReplacementInfoList/ReplacementInfo/DocumentId: {PATTERN}",
    ),
    (
        "<e:CodeNumber>12</e:CodeNumber><e:CodeNotation>UBND-VP<",
        "<e:CodeNumber>UBND-VP</e:CodeNumber><e:CodeNotation>12<",
        f"{LETTER}Code/CodeNumber: {PATTERN}; đổi chỗ? {LETTER}Code/CodeNotation has what fits",
    ),
    (
        "</e:SignerInfo>",
        "</e:SignerInfo><e:DigitalSignature>Nguyễn Văn Mẫu</e:DigitalSignature>",
        f"{LETTER}DigitalSignature: {unmapped('signature', 'idesk')}",
    ),
    ("</e:MessageHeader>", "", "row: {name} is no whole XML: mismatched tag: line 15, column 2"),
    ("<e:CodeNumber>12<", "<e:CodeNumber>1 & 2<", "row: {name} is no whole XML: not well-formed (invalid token): line 5, column 25"),
    (
        '<e:edXML xmlns',
        '<!DOCTYPE edXML [<!ENTITY x SYSTEM "file:///etc/passwd">]><e:edXML xmlns',
        "row: {name} is no whole XML: it has a DOCTYPE, which no export needs and which is not taken",
    ),
]  # fmt: skip
BAD_STATUSES: list[tuple[str, str, str]] = [
    (">03<", ">99<", f"{HEADER}Status/StatusCode: {unmapped('delivery_status', 'idesk')}"),
    (">03<", ">3<", f"{HEADER}Status/StatusCode: {unmapped('delivery_status', 'idesk')}"),
    (">12/UBND-VP<", ">12<", f"{HEADER}Status/ResponseFor/Code: {PATTERN}"),
    (">12/UBND-VP<", ">12-HU<", f"{HEADER}Status/ResponseFor/Code: {PATTERN}"),
    (">12/UBND-VP<", ">12-M/HU<", f"{HEADER}Status/ResponseFor/Code: {PATTERN}"),
    (">12/UBND-VP<", ">12/M-UBND<", f"{HEADER}Status/ResponseFor/Code: {PATTERN}"),
    (">2017/06/05<", ">tháng 6<", f"{HEADER}Status/ResponseFor/PromulgationDate: not a date (yyyy/MM/dd)"),
    ("09:00:00", "09:00:60", f"{HEADER}Status/Timestamp: not a time (yyyy/MM/dd HH:mm:ss)"),
    ("000.21.06.H59", "", f"{HEADER}Status/From/OrganId: missing"),
]


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


SPOILT = [
    ("idesk.outgoing", MESSAGE, BAD_MESSAGES),
    ("idesk.incoming", MESSAGE, BAD_MESSAGES[:3]),
    ("idesk.deliveries", STATUS, BAD_STATUSES),
]


def spoilt(good: str, bad: list[tuple[str, str, str]]) -> dict[str, str]:
    members = {f"{n:03}.edxml": good.replace(here, instead, 1) for n, (here, instead, _) in enumerate(bad)}
    assert good not in members.values()
    return members


@pytest.mark.parametrize(("name", "good", "bad"), SPOILT)
def test_a_bad_message_is_rejected_with_its_reason_and_nobody_s_name(
    module_warehouse: Settings, name: str, good: str, bad: list[tuple[str, str, str]]
) -> None:
    contract = contracts(module_warehouse)[name]
    members = spoilt(good, bad)
    deliver(module_warehouse, contract, "bad messages", zipped(members), DAY)
    (batch,) = load(module_warehouse, contract)
    found = rejects(module_warehouse, batch.batch_id)
    assert [row["reasons"] for row in found] == [
        [reason.replace("{name}", f"file {n} of the zip")] for n, (_, _, reason) in enumerate(bad, 1)
    ]
    assert (batch.state, batch.rows_loaded) == ("pending", 0)
    told = " ".join(row["row_text"] or "" for row in found)
    assert not any(secret in told for secret in ("Nguyễn", "Trần", "Lê Văn", "M-UBND", "TM – UBND"))


def test_the_last_stop_of_a_message_is_its_time_and_an_unsigned_one_lacks_nothing(
    module_warehouse: Settings,
) -> None:
    contract = contracts(module_warehouse)["idesk.incoming"]
    deliver(module_warehouse, contract, "good hops", zipped({"1.edxml": MESSAGE}), DAY)
    (batch,) = load(module_warehouse, contract)
    (row,) = raw_rows(module_warehouse, contract, batch.batch_id)
    assert row["received_at"].replace(tzinfo=None) == datetime(2017, 6, 5, 8, 1, 2)
    assert row["hop_codes"] == "000.00.06.H59; 000.00.00.G22"
    assert row["recipient_codes"] == "000.21.06.H59; 000.22.06.H59" and row["signature_method"] is None
    (ledger,) = rows(module_warehouse, "select profile from ledger.batch where batch_id = %s", batch.batch_id)
    assert ledger["profile"]["missing_columns"] == [] and ledger["profile"]["unknown_columns"] == {}


def test_quirk_10_a_message_as_it_is_sent_tells_no_signature_no_deadline_and_no_file_s_name(
    module_warehouse: Settings,
) -> None:
    """Empty elements, N/A, a default due date, attachments named after people, the Party's numbers (edXML of real senders)."""
    file = "Don cua Nguyen Van Mau_signed.pdf"
    sent = (
        MESSAGE.replace("Tiểu Cần", "N/A")
        .replace("</e:SignerInfo>", "</e:SignerInfo><e:DueDate>2017/06/07</e:DueDate><e:DigitalSignature />")
        .replace("<e:Position>Chủ tịch<", "<e:Department>N/A</e:Department><e:Position>N/A<")
        .replace(
            "</e:edXMLHeader>",
            "</e:edXMLHeader><e:edXMLBody><e:edXMLManifest><e:Reference><e:AttachmentName>"
            f'{file}</e:AttachmentName><e:File name="{file}"/></e:Reference></e:edXMLManifest></e:edXMLBody>',
        )
        .replace("12</e:CodeNumber><e:CodeNotation>UBND-VP<", "12</e:CodeNumber><e:CodeNotation>CV/HU<")
        .replace("2017/06/05,12/UBND-VP<", "2017/06/05,12-CV/HU<")
    )
    bad = sent.replace("<e:CodeNumber>12<", "<e:CodeNumber>mười<")
    for name in ("idesk.outgoing", "idesk.incoming"):
        contract = contracts(module_warehouse)[name]
        deliver(module_warehouse, contract, "as it is sent", zipped({"1.edxml": sent, "2.edxml": bad}), DAY)
        (batch,) = load(module_warehouse, contract)
        (row,) = raw_rows(module_warehouse, contract, batch.batch_id)
        assert (row["signature"], row["place"], row["signer_position"]) == (None, None, None)
        assert (row["document_number"], row["document_symbol"]) == ("12", "CV/HU")
        (ledger,) = rows(
            module_warehouse, "select profile from ledger.batch where batch_id = %s", batch.batch_id
        )
        (reject,) = rejects(module_warehouse, batch.batch_id)
        assert file not in f"{row} {reject} {ledger}" and "Nguyen" not in f"{row} {reject} {ledger}"


def test_a_code_of_the_party_is_read(module_warehouse: Settings) -> None:
    known = contracts(module_warehouse)
    status = STATUS.replace(">12/UBND-VP<", ">12-CV/HU<")
    code = {"Số, ký hiệu": "12 – CV/HU"}
    files = [
        ("idesk.deliveries", zipped({"1.edxml": status}), "12-CV/HU"),
        ("moffice.outgoing", xls([OUTGOING | code]), "12 – CV/HU"),
    ]
    for name, data, told in files:
        deliver(module_warehouse, known[name], "of the Party", data, DAY)
        (batch,) = load(module_warehouse, known[name])
        (row,) = raw_rows(module_warehouse, known[name], batch.batch_id)
        assert row["document_code"] == told


def test_a_month_without_messages_says_that_nothing_happened(module_warehouse: Settings) -> None:
    contract = contracts(module_warehouse)["idesk.deliveries"]
    deliver(module_warehouse, contract, "good quiet month", zipped({}), DAY)
    (batch,) = load(module_warehouse, contract)
    assert (batch.state, batch.reason, batch.rows_in_file) == ("pending", None, 0)


GOOD_ZIP = zipped({"1.edxml": MESSAGE})
BAD_ZIPS = [
    ("idesk.outgoing", b"", "this is no whole zip"),
    ("idesk.outgoing", GOOD_ZIP[:-30], "this is no whole zip"),
    ("idesk.outgoing", MESSAGE.encode(), "this is no whole zip"),
    (
        "idesk.outgoing",
        zipped({"1.edxml": STATUS.replace("edXML", "Status")}),
        "the file's root is another (6 letters)",
    ),
    (
        "idesk.outgoing",
        zipped({"1.edxml": MESSAGE, "2.txt": "<log/>"}),
        "file 2 of the zip: the file's root is another (3 letters)",
    ),
]


# Registers of M-Office


Cells = dict[str, object]
OUTGOING: Cells = dict(
    zip(
        moffice.OUTGOING,
        (1, "UBND huyện Tiểu Cần", "12/UBND-VP", "05/06/2017", "Công văn", "Về ông Nguyễn Văn Mẫu", "Trần Thị Thử",
         "Như trên", "Thường", "x", "", "05/06/2017 08:00"),
        strict=True,
    )
)  # fmt: skip
INCOMING: Cells = dict(
    zip(
        moffice.INCOMING,
        (1, "UBND xã Phú Cần", "Cấp huyện", "Công văn", "7", "12/UBND-VP", "05/06/2017", "06/06/2017", "UBND huyện Tiểu Cần",
         "Về ông Nguyễn Văn Mẫu", "Đã xử lý", "", "Trần Thị Thử", "Thường", "2", "06/06/2017 08:00"),
        strict=True,
    )
)  # fmt: skip


class Unicode(str):
    """A text that was not typed with an ABC font."""


def xls(lines: Sequence[Cells]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("So van ban")
    for row, cells in enumerate([list(lines[0]), *(line.values() for line in lines)], start=2):
        for column, cell in enumerate(cells):
            if cell not in (None, ""):
                typed = isinstance(cell, str) and not isinstance(cell, Unicode)
                sheet.write(row, column, moffice.abc(cell) if typed else cell)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


NOT_ABC = "row: a text in the row is not in tcvn3: was it typed in Unicode?"
#: per register: column, what stands there, and what is told
BAD_CELLS: dict[str, list[tuple[str, object, str]]] = {
    "moffice.outgoing": [
        ("Đơn vị ban hành", "", "missing"),
        ("Đơn vị ban hành", "UBND huyện Tiểu Cẩn", unmapped("agency", "moffice")),
        ("Đơn vị ban hành", "ubnd huyện tiểu cần", unmapped("agency", "moffice")),
        ("Số, ký hiệu", "", "missing"),
        ("Số, ký hiệu", "12", PATTERN),
        ("Số, ký hiệu", "UBND-VP/12", PATTERN),
        ("Số, ký hiệu", "12/", PATTERN),
        ("Số, ký hiệu", 12.0, PATTERN),
        ("Số, ký hiệu", "05/M-UBND", PATTERN),
        ("Số, ký hiệu", "05-TM/HU", PATTERN),
        ("Số, ký hiệu", "05/M/HU", PATTERN),
        ("Số, ký hiệu", "05-2017/HU", PATTERN),
        ("Ngày văn bản", "", "missing"),
        ("Ngày văn bản", "31/02/2017", "not a date (dd/MM/yyyy)"),
        ("Ngày văn bản", "ngày 5 tháng 6", "not a date (dd/MM/yyyy)"),
        ("Ngày văn bản", 42891.0, "not a date (dd/MM/yyyy)"),
        ("Loại văn bản", "", "missing"),
        ("Loại văn bản", "Sắc lệnh", unmapped("document_type", "moffice")),
        ("Loại văn bản", "CÔNG VĂN", unmapped("document_type", "moffice")),
        ("Độ mật", "Mật", "not one of the contract's values"),
        ("Ký số", "có", "neither yes nor no"),
        ("Bản giấy", "1", "neither yes nor no"),
        ("Ngày cập nhật", "", "missing"),
        ("Ngày cập nhật", "05/06/2017", "not a time (dd/MM/yyyy HH:mm)"),
        ("Ngày cập nhật", "05/06/2017 8h", "not a time (dd/MM/yyyy HH:mm)"),
        ("Loại văn bản", Unicode("Công văn"), NOT_ABC),
        ("Người ký", Unicode("Nguyễn Thị Ấn"), NOT_ABC),
        ("Trích yếu", Unicode("\xe0"), NOT_ABC),  # à of Unicode is no letter of TCVN3
    ],
    "moffice.incoming": [
        ("Đơn vị nhận", "Xã Phú Cần", unmapped("agency", "moffice")),
        ("Nơi phát hành", "Cục Thuế", unmapped("agency", "moffice")),
        ("Số đến theo sổ", "bảy", "not a whole number at least 1"),
        ("Số đến theo sổ", "0", "not a whole number at least 1"),
        ("Số, ký hiệu gốc", "không số", PATTERN),
        ("Ngày đến", "06-06-2017", "not a date (dd/MM/yyyy)"),
        ("Thời hạn xử lý", "gấp", "not a date (dd/MM/yyyy)"),
        ("Số tờ", "-1", "not a whole number at least 0"),
    ],
}


ENTRIES = {"moffice.outgoing": OUTGOING, "moffice.incoming": INCOMING}


def bad_entries(name: str) -> bytes:
    return xls([ENTRIES[name] | {header: value} for header, value, _ in BAD_CELLS[name]])


@pytest.mark.parametrize("name", ENTRIES)
def test_a_bad_entry_is_rejected_with_its_reason_and_nobody_s_name(
    module_warehouse: Settings, name: str
) -> None:
    contract, bad = contracts(module_warehouse)[name], BAD_CELLS[name]
    deliver(module_warehouse, contract, "bad entries", bad_entries(name), DAY)
    (batch,) = load(module_warehouse, contract)
    found = rejects(module_warehouse, batch.batch_id)
    assert [row["reasons"] for row in found] == [
        [problem if problem == NOT_ABC else f"{header}: {problem}"] for header, _, problem in bad
    ]
    assert (batch.state, batch.rows_loaded) == ("pending", 0)
    told = " ".join(row["row_text"] or "" for row in found)
    assert not any(secret in told for secret in ("Nguyễn", "Trần", "M-UBND", "Mật"))


def test_an_entry_typed_with_an_abc_font_is_read(module_warehouse: Settings) -> None:
    contract = contracts(module_warehouse)["moffice.incoming"]
    day = {"Ngày đến": date(2017, 6, 6), "Số đến theo sổ": 7.0, "Độ khẩn": "Hỏa tốc"}
    total = dict.fromkeys(INCOMING, "") | {"STT": "Cộng: 1 văn bản"}
    deliver(module_warehouse, contract, "good entry", xls_dated([INCOMING | day, total]), DAY)
    (batch,) = load(module_warehouse, contract)
    (row,) = raw_rows(module_warehouse, contract, batch.batch_id)
    assert (batch.rows_in_file, batch.rows_skipped) == (2, 1)
    assert (row["recipient_name"], row["sender_name"]) == ("UBND xã Phú Cần", "UBND huyện Tiểu Cần")
    assert (row["received_date"], row["register_number"]) == (date(2017, 6, 6), 7)
    assert (row["status_name"], row["urgency"]) == ("Đã xử lý", "Hỏa tốc")


def xls_dated(lines: Sequence[Cells]) -> bytes:
    """The same with days as Excel keeps them."""
    book, day = xlwt.Workbook(), xlwt.easyxf(num_format_str="DD/MM/YYYY")
    sheet = book.add_sheet("So van ban")
    for row, cells in enumerate([list(lines[0]), *(line.values() for line in lines)]):
        for column, cell in enumerate(cells):
            if isinstance(cell, date):
                sheet.write(row, column, cell, day)
            elif cell != "":
                sheet.write(row, column, moffice.abc(cell) if isinstance(cell, str) else cell)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


GOOD_XLS = xls([OUTGOING])
BAD_BOOKS = [
    ("moffice.outgoing", b"", "the file is empty"),
    ("moffice.outgoing", GOOD_XLS[:700], "the workbook can't be read"),
    ("moffice.outgoing", b"PK\x03\x04" + bytes(100), "it may be an xlsx or ods"),
    ("moffice.outgoing", b"<html><table><tr><td>STT</td></tr></table></html>", "it is html"),
    ("moffice.outgoing", "STT;Số\n1;2\n".encode(), "it is another kind of file"),
    (
        "moffice.incoming",
        xls([{"A": "1", "B": "2"}]),
        "this is not the header of moffice.incoming: 16 of 16 columns are missing",
    ),
]
BAD_FILES = BAD_ZIPS + BAD_BOOKS


@pytest.mark.parametrize("number", range(len(BAD_FILES)))
def test_a_file_that_is_no_such_export_is_unreadable_and_says_why(
    module_warehouse: Settings, number: int
) -> None:
    name, data, problem = BAD_FILES[number]
    contract = contracts(module_warehouse)[name]
    deliver(module_warehouse, contract, f"bad file {number}", data, DAY)
    (batch,) = load(module_warehouse, contract)
    assert batch.state == "unreadable" and problem in batch.reason, batch.reason
    assert (batch.rows_in_file, batch.rows_loaded) == (0, 0)


def test_the_boundary_holds_them_all_and_the_next_build_reads_what_it_read_before(
    warehouse: Settings,
) -> None:
    messages = [(name, zipped(spoilt(good, bad))) for name, good, bad in SPOILT]
    entries = [(name, bad_entries(name)) for name in ENTRIES]
    in_unicode = [{Unicode(name): Unicode(cell) for name, cell in OUTGOING.items()}]
    others = [*((name, data) for name, data, _ in BAD_FILES), ("moffice.outgoing", xls(in_unicode))]
    bad = load_each(warehouse, [*messages, *entries, *others], DAY, "bad")
    assert [batch.rows_loaded for batch in bad] == [0] * (len(SPOILT) + len(ENTRIES) + len(BAD_FILES) + 1)
    pair = [("idesk.outgoing", GOOD_ZIP), ("moffice.outgoing", GOOD_XLS), ("idesk.deliveries", zipped({}))]
    good = sorted(batch.batch_id for batch in load_each(warehouse, pair, DAY, "good"))
    verdict = check.exports(warehouse, DAY)
    assert sorted(verdict.accepted) == good
    builds.open_build(warehouse, DAY)
    read = rows(warehouse, "select batch_id from ledger.build_input order by 1")
    assert [each["batch_id"] for each in read] == good
