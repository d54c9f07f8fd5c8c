"""M-Office: monthly registers of outgoing and incoming documents, saved for Excel 97 and typed with ABC fonts (TCVN3)."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from random import Random

import xlwt

import kho.formats.encodings  # noqa: F401  (makes tcvn3 known)
from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.document_systems import Arrival, Document, DocumentSystems, issued, received
from kho_sample.export import Export, Line, spoil
from kho_sample.paperwork import stroke_of
from kho_sample.section import Period
from kho_sample.system import Place, System
from kho_sample.working_days import month_ends

OUTGOING = (
    "STT", "Đơn vị ban hành", "Số, ký hiệu", "Ngày văn bản", "Loại văn bản", "Trích yếu", "Người ký", "Nơi nhận",
    "Độ mật", "Ký số", "Bản giấy", "Ngày cập nhật",
)  # fmt: skip
INCOMING = (
    "STT", "Đơn vị nhận", "Cấp gửi", "Loại văn bản", "Số đến theo sổ", "Số, ký hiệu gốc", "Ngày văn bản", "Ngày đến",
    "Nơi phát hành", "Trích yếu", "Trạng thái", "Thời hạn xử lý", "Người ký", "Độ khẩn", "Số tờ", "Ngày cập nhật",
)  # fmt: skip
SECRET_PER_MONTH = 1


def exports(section: DocumentSystems, place: Place) -> list[Export]:
    """The registers of all months."""
    rng = Random(f"{place.seed} moffice")
    months = month_ends(place.period.start, place.period.end)
    documents = issued(section, place)
    outgoing: dict[date, list[Line]] = {last: [] for last in months}
    for document in documents:
        if document.in_moffice:
            for moment, cells in _entries(document, place.period, rng):
                # A register holds a document once, as it was when the month ended.
                last = next(last for last in months if moment.date() <= last)
                kept = [line for line in outgoing[last] if line.key != f"{document.agency.code} {cells[1]}"]
                outgoing[last] = [*kept, Line(f"{document.agency.code} {cells[1]}", cells)]
    incoming: dict[date, list[Line]] = {last: [] for last in months}
    numbers: dict[str, int] = {}
    for arrival in received(section, place, documents):
        if arrival.in_moffice:
            last = next(last for last in months if arrival.received_at.date() <= last)
            for unit in arrival.recipients:
                numbers[unit.code] = numbers.get(unit.code, 0) + 1
                cells = _received(arrival, unit, numbers[unit.code], rng)
                incoming[last].append(Line(f"{unit.code} {cells[4]} {cells[7]}", cells))
    for last, lines in outgoing.items():
        for _ in range(SECRET_PER_MONTH if len(lines) > 40 else 0):
            lines.insert(rng.randrange(len(lines)), Line("", _secret(place.units[0], last, rng)))
    spoil(outgoing, OUTGOING_SPOILERS, rng, lambda day: True, share=0.01)
    spoil(incoming, INCOMING_SPOILERS, rng, lambda day: True, share=0.01)
    return [
        Export("moffice", entity, f"{entity}_{last:%Y%m%d}.xls", _workbook(title, header, lines), last)
        for entity, title, header, files in (
            ("outgoing", "SỔ ĐĂNG KÝ VĂN BẢN ĐI", OUTGOING, outgoing),
            ("incoming", "SỔ ĐĂNG KÝ VĂN BẢN ĐẾN", INCOMING, incoming),
        )
        for last, lines in files.items()
    ]


def _entries(document: Document, period: Period, rng: Random) -> list[tuple[datetime, list[str]]]:
    """An entry in its versions, and the entry of what took the document's place, which is no other document."""
    # What iDesk sent with a signature, the register need not know.
    is_signed = document.is_signed and (not document.in_idesk or rng.random() < 0.5)
    found = []
    entered = document.entered_at + timedelta(minutes=rng.randint(0, 9))
    corrected = entered + timedelta(days=rng.randint(20, 40))
    if document.is_on_paper and rng.random() < 0.1 and corrected.date() <= period.end:
        found.append(
            (entered, _entry(document, document.number, document.issued_on, entered, is_signed, False, rng))
        )
        entered = corrected
    found.append(
        (entered, _entry(document, document.number, document.issued_on, entered, is_signed, document.is_on_paper, rng))
    )  # fmt: skip
    moment = document.changed_at
    if document.replacement and moment:
        cells = _entry(
            document, document.replacement, moment.date(), moment, is_signed, document.is_on_paper, rng
        )
        found.append((moment, cells))
    return found


def _entry(
    document: Document, number: int, day: date, moment: datetime, is_signed: bool, on_paper: bool, rng: Random
) -> list[str]:
    symbol, stroke = document.symbol, stroke_of(document.symbol)
    spellings = (f"{number}{stroke}{symbol}", f"{number:02d} {stroke} {symbol.replace('-', ' - ')}",
                 f"{number:03d}{stroke}{symbol.replace('-', '–')}")  # fmt: skip
    return [
        _name(document.agency),
        spellings[sum(map(ord, document.agency.code)) % 3],
        f"{day:%d/%m/%Y}",
        document.kind,
        document.subject,
        document.signer,
        "Như trên; lưu VT",
        "Thường",
        "x" if is_signed else "",
        "x" if on_paper else "",
        f"{moment:%d/%m/%Y %H:%M}",
    ]


def _received(arrival: Arrival, unit: Agency, number: int, rng: Random) -> list[str]:
    document = arrival.document
    due = arrival.received_at + timedelta(days=rng.randint(3, 15))
    return [
        _name(unit),
        "Cấp tỉnh" if document.agency.code.count(".") == 0 else "Cấp huyện",
        document.kind,
        str(number),
        f"{document.number:02d}{stroke_of(document.symbol)}{document.symbol}",
        f"{document.issued_on:%d/%m/%Y}",
        f"{arrival.received_at:%d/%m/%Y}",
        _name(document.agency),
        document.subject,
        rng.choice(("Chờ xử lý", "Đang xử lý", "Đã xử lý")),
        f"{due:%d/%m/%Y}" if rng.random() < 0.4 else "",
        document.signer,
        "Thường",
        str(rng.randint(1, 12)),
        f"{arrival.received_at:%d/%m/%Y %H:%M}",
    ]


def _name(agency: Agency) -> str:
    """How M-Office calls an agency."""
    if agency.code.count(".") == 0:
        return "UBND tỉnh Trà Vinh"
    has_committee = agency.level == "commune" or agency.code.count(".") == 1
    return f"UBND {agency.name[0].lower()}{agency.name[1:]}" if has_committee else agency.name


def _secret(agency: Agency, last: date, rng: Random) -> list[str]:
    """Secret documents have a series of their own. They should not be in an export, and are."""
    day = last.replace(day=rng.randint(1, 28))
    return [
        _name(agency), f"{rng.randint(1, 60):02d}/M-UBND", f"{day:%d/%m/%Y}", "Công văn", "(mật)", people.name(rng),
        "", "Mật", "", "x", f"{day:%d/%m/%Y} 16:00",
    ]  # fmt: skip


def _workbook(title: str, header: tuple[str, ...], lines: list[Line]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("So van ban")
    font = xlwt.easyxf("font: name .VnTime, height 240")
    sheet.write(0, 0, abc(title), font)
    for column, name in enumerate(header):
        sheet.write(2, column, abc(name), font)
    for row, line in enumerate(lines, start=3):
        sheet.write(row, 0, row - 2)
        for column, cell in enumerate(line.values, start=1):
            if cell:
                sheet.write(row, column, cell if cell == UNICODE else abc(cell), font)
    sheet.write(3 + len(lines), 0, abc(f"Cộng: {len(lines)} văn bản"), font)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def abc(text: str) -> str:
    """The text as an ABC font holds it; accented capitals that it lacks are typed small."""
    return "".join(_abc(letter) for letter in text)


def _abc(letter: str) -> str:
    try:
        return letter.encode("tcvn3").decode("cp1252")
    except UnicodeEncodeError:
        return letter.lower().encode("tcvn3").decode("cp1252")


UNICODE = "Công văn (gõ Unicode)"  # a cell that somebody typed with another font


def _put(position: int, value: str):
    return lambda rng, cells: [*cells[:position], value, *cells[position + 1 :]]


OUTGOING_SPOILERS = (
    _put(2, "31/02/2017"),
    _put(1, "không số"),
    _put(3, UNICODE),
    _put(0, "Phòng không có"),
    _put(8, "có"),
    _put(10, "hôm qua"),
)
INCOMING_SPOILERS = (
    _put(5, "31/02/2017"),
    _put(3, "một"),
    _put(7, "Nơi không ai biết"),
    _put(2, UNICODE),
)


SYSTEM = System("moffice", {"M-Office": exports}, section="idesk_and_moffice", told_as=DocumentSystems)
