"""The document system: a monthly register of outgoing documents, and daily events of their delivery."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from random import Random

import xlsxwriter

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.export import Export, Line, spoil
from kho_sample.levels import Levels, LevelTotals
from kho_sample.paperwork import FATES, SUBJECTS, TYPES, days_after, office_hour, symbol_of
from kho_sample.section import Level
from kho_sample.system import Place, System
from kho_sample.working_days import SATURDAY, WorkingDays, month_ends

REGISTER_HEADER = (
    "STT", "Mã định danh", "Số", "Ký hiệu", "Ngày ban hành", "Loại văn bản", "Trích yếu", "Người ký", "Độ mật",
    "Ký số, gửi điện tử", "Gửi kèm bản giấy", "Ngày cập nhật",
)  # fmt: skip
SECRET_PER_MONTH = 2


@dataclass(frozen=True)
class Document:
    """One document in one state of the register."""

    agency: Agency
    number: int
    symbol: str
    issued_on: date
    kind: str
    subject: str
    signer: str
    is_signed: bool
    is_on_paper: bool
    updated_at: datetime
    is_padded: bool  # numbers below 10 are written 01, 02, …
    secrecy: str = "Thường"

    @property
    def key(self) -> str:
        return f"{self.agency.code}|{self.number}|{self.symbol}|{self.secrecy}"


def exports(told: Levels, place: Place) -> list[Export]:
    """The registers of all months, then the events of all days."""
    days, agencies, seed = WorkingDays(place.period), place.units, place.seed
    rng = Random(f"{seed} documents")
    versions = [
        version
        for level in ("district", "commune")
        for version in _issued(level, told.level(level), agencies, days, Random(f"{seed} documents {level}"))
    ]
    copies = _copies(agencies[0], days, Random(f"{seed} documents copies"))
    return _registers(versions + copies, agencies, days, rng) + _deliveries(versions, agencies, days, rng)


def _issued(
    level: Level, told: LevelTotals, agencies: list[Agency], days: WorkingDays, rng: Random
) -> list[list[Document]]:
    """The versions of every document of a level, oldest first; the last ones add up to the totals."""
    units = [agency for agency in agencies if agency.level == level]
    weights = list(
        accumulate(rng.uniform(0.6, 1.6) * (6 if agency is agencies[0] else 1) for agency in units)
    )
    count = told.documents_outgoing
    issued = sorted(rng.choices(days.within, k=count))
    signed = set(rng.sample(range(count), told.documents_electronic_signed))
    on_paper = set(rng.sample(range(count), told.documents_parallel_paper))
    end = datetime.combine(days.end, time(17))
    numbers: Counter[tuple[str, str]] = Counter()
    found = []
    for n, issued_on in enumerate(issued):
        agency = rng.choices(units, cum_weights=weights)[0]
        kind, letters, _ = rng.choices(TYPES, weights=[weight for *_, weight in TYPES])[0]
        symbol = symbol_of(agency, agency is agencies[0], letters, rng)
        numbers[agency.code, symbol] += 1
        entered = datetime.combine(days.after(issued_on, rng.choice((0, 0, 0, 1))), office_hour(rng))
        last = Document(
            agency=agency,
            number=numbers[agency.code, symbol],
            symbol=symbol.replace("QĐ", "QÐ") if agency.code.endswith("4") else symbol,
            issued_on=issued_on,
            kind=kind,
            subject=rng.choice(SUBJECTS).format(name=people.name(rng)),
            signer=people.name(rng),
            is_signed=n in signed,
            is_on_paper=n in on_paper,
            updated_at=min(entered, end),
            is_padded=not agency.code.endswith("7"),
        )
        changed = last.updated_at + timedelta(days=rng.randint(4, 40))
        if rng.random() < 0.03 and changed < end:
            # Entered with other flags first; what is true of it came later, often in another month's register.
            first = (
                replace(last, is_signed=False)
                if last.is_signed
                else replace(last, is_on_paper=not last.is_on_paper)
            )
            day = max(days.last_until(changed.date()), last.updated_at.date() + timedelta(days=1))
            found.append([first, replace(last, updated_at=datetime.combine(day, office_hour(rng)))])
        else:
            found.append([last])
    return found


def _copies(agency: Agency, days: WorkingDays, rng: Random) -> list[list[Document]]:
    """Copies of documents, which the register numbers in series of their own; some keep the type of what was copied."""
    found = []
    for number, last in enumerate(month_ends(days.start, days.end), 1):
        kind, symbol = (("Sao y", "SY-UBND"), ("Quyết định", "TrS-UBND"))[number % 2]
        day = days.last_until(last)
        found.append([Document(
            agency=agency, number=number, symbol=symbol, issued_on=day, kind=kind, subject=rng.choice(SUBJECTS[:3]),
            signer=people.name(rng), is_signed=False, is_on_paper=True, updated_at=datetime.combine(day, time(9)),
            is_padded=True,
        )])  # fmt: skip
    return found


# The register


def _registers(
    versions: list[list[Document]], agencies: list[Agency], days: WorkingDays, rng: Random
) -> list[Export]:
    months = month_ends(days.start, days.end)
    files: dict[date, list[Line]] = {last: [] for last in months}

    def month(moment: datetime) -> date | None:
        return next((last for last in months if moment.date() <= last), None)

    for life in versions:
        # A register holds a document once, as it was when the month ended.
        newest = {month(version.updated_at): version for version in life}
        for last, version in newest.items():
            if last:
                files[last].append(Line(version.key, _register_row(version)))
    for last, lines in files.items():
        lines.sort(key=lambda line: (line.values[10][3:5], line.values[10], line.key))
        if len(lines) > 100:
            for _ in range(SECRET_PER_MONTH):
                lines.insert(rng.randrange(len(lines)), Line("", _secret_row(agencies[0], last, rng)))
    spoil(files, REGISTER_SPOILERS, rng, lambda day: True)
    return [
        Export(
            "documents", "outgoing", f"outgoing_{last:%Y%m%d}.xlsx", _workbook(agencies[0], last, lines), last
        )
        for last, lines in files.items()
    ]


def _register_row(version: Document) -> list[str]:
    return [
        version.agency.code,
        f"{version.number:02d}" if version.is_padded else str(version.number),
        version.symbol,
        f"{version.issued_on:%d/%m/%Y}",
        version.kind,
        version.subject,
        version.signer,
        version.secrecy,
        "x" if version.is_signed else "",
        "x" if version.is_on_paper else "",
        f"{version.updated_at:%d/%m/%Y %H:%M}",
    ]


def _secret_row(agency: Agency, last: date, rng: Random) -> list[str]:
    """Secret documents have a series of their own. They should not be in an export, and are."""
    day = last.replace(day=rng.randint(1, 28))
    return [
        agency.code, f"{rng.randint(1, 60):02d}", "M-UBND", f"{day:%d/%m/%Y}", "Công văn", "(mật)", people.name(rng),
        "Mật", "", "x", f"{day:%d/%m/%Y} 16:00",
    ]  # fmt: skip


def _workbook(district: Agency, last: date, lines: list[Line]) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": datetime.combine(last, time(17))})  # else the bytes tell when this ran
    sheet = book.add_worksheet("Sổ văn bản đi")
    bold = book.add_format({"bold": True})
    sheet.write_string(0, 0, f"ỦY BAN NHÂN DÂN {district.name.upper()}", bold)
    sheet.merge_range(1, 0, 1, len(REGISTER_HEADER) - 1, "SỔ ĐĂNG KÝ VĂN BẢN ĐI", bold)
    sheet.write_string(2, 0, f"Từ ngày {last.replace(day=1):%d/%m/%Y} đến ngày {last:%d/%m/%Y}")
    for column, name in enumerate(REGISTER_HEADER):
        sheet.write_string(4, column, name, bold)
    for row, line in enumerate(lines, start=5):
        sheet.write_number(row, 0, row - 4)
        for column, cell in enumerate(line.values, start=1):
            if cell:
                sheet.write_string(row, column, cell)
    sheet.write_string(5 + len(lines), 0, "Tổng cộng", bold)
    sheet.write_string(5 + len(lines), 2, f"{len(lines)} văn bản")
    book.close()
    return buffer.getvalue()


def _put(position: int, value: str):
    return lambda rng, cells: [*cells[:position], value, *cells[position + 1 :]]


REGISTER_SPOILERS = (
    _put(3, "31/02/2021"),
    _put(1, "12/UB"),
    _put(8, "có"),
    _put(2, ""),
    _put(0, "12"),
    _put(10, "hôm qua"),
)

# The events


def _deliveries(
    versions: list[list[Document]], agencies: list[Agency], days: WorkingDays, rng: Random
) -> list[Export]:
    events: list[tuple[datetime, str, dict]] = []
    fates, weights = [fate for fate, _ in FATES], [weight for _, weight in FATES]
    for life in versions:
        document = life[-1]
        if not document.is_signed:
            continue
        others = [agency for agency in agencies if agency is not document.agency]
        for recipient in rng.sample(others, min(len(others), rng.choice((1, 1, 2)))):
            moment = document.updated_at + timedelta(seconds=rng.randint(30, 600))
            officer = people.name(rng)
            for status in rng.choices(fates, weights)[0]:
                if moment.date() <= days.end:
                    events.append((moment, document.key, {
                        "from_organ": document.agency.code,
                        "to_organ": recipient.code,
                        "code_number": str(document.number),
                        "code_notation": document.symbol.replace("QÐ", "QĐ"),
                        "promulgation_date": document.issued_on.isoformat(),
                        "status": status,
                        "timestamp": f"{moment.isoformat()}+07:00",
                        "staff_name": officer,
                    }))  # fmt: skip
                later = days.after(moment.date(), days_after(status, rng))
                moment = datetime.combine(later, moment.time()) + timedelta(seconds=rng.randint(20, 4000))
    events.sort(key=lambda event: (event[0], event[1], event[2]["to_organ"]))
    span = [days.start + timedelta(days=n) for n in range((days.end - days.start).days + 1)]
    files: dict[date, list[Line]] = {day: [] for day in span}
    for moment, _, event in events:
        lines = files[moment.date()]
        code = f"EV-{moment:%Y%m%d}-{len(lines) + 1:06d}"
        lines.append(Line(code, {"event_id": code, **event}))
    spoil(files, EVENT_SPOILERS, rng, lambda day: day.weekday() < SATURDAY and bool(files[day]))
    return [
        Export("documents", "deliveries", f"deliveries_{day:%Y%m%d}.jsonl", _json_lines(lines), day)
        for day, lines in files.items()
    ]


def _json_lines(lines: list[Line]) -> bytes:
    texts = (
        line.values if isinstance(line.values, str) else json.dumps(line.values, ensure_ascii=False)
        for line in lines
    )
    return "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogateescape")


def _set(name: str, value: object):
    return lambda rng, event: {**event, name: value}


EVENT_SPOILERS = (
    _set("timestamp", "2021-02-31T08:15:00+07:00"),
    _set("status", "99"),
    _set("from_organ", "12"),
    lambda rng, event: json.dumps(event, ensure_ascii=False)[:-25],
    _set("promulgation_date", "31/02/2021"),
    _set("staff_name", b"Tr\xc7n Th\xdf".decode("utf-8", "surrogateescape")),
    _set("code_number", None),
)


SYSTEM = System("documents", {"documents": exports}, served=("api",))
