"""The one-stop desk of another vendor, in its last month: a workbook of the dossiers that changed."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from math import ceil
from random import Random

import xlsxwriter

from kho_sample import people
from kho_sample.export import Export
from kho_sample.section import Count, Period, Section
from kho_sample.system import Place, System
from kho_sample.working_days import WorkingDays

HEADER = (
    "Số hồ sơ", "Mã thủ tục", "Lĩnh vực", "Mã đơn vị", "Hình thức nộp", "Ngày nhận", "Ngày hẹn trả", "Ngày xử lý xong",
    "Ngày trả", "Tình trạng", "Phí", "Người nộp", "Số CMND", "Cập nhật",
)  # fmt: skip
FIELDS = ("HOTICH", "CHUNGTHUC", "CHUNGTHUC", "DATDAI", "KINHDOANH", "BAOTRO")
#: the vendor's own numbers; in the national list 2 is received, and 3 is not received
PROCESSED, RETURNED = "2", "3"
STATUS = HEADER.index("Tình trạng")


class IGate(Section):
    """Dossiers of the month before the period, the last one in which the software ran; all are resolved in it."""

    received: Count
    late: Count = 0

    def scaled(self, factor: float) -> IGate:
        """The same at another size: none vanishes."""
        return IGate.model_validate({name: ceil(count * factor) for name, count in self})


def exports(section: IGate, place: Place) -> list[Export]:
    rng = Random(f"{place.seed} igate")
    last = place.period.start - timedelta(days=1)
    month = Period.model_validate({"from": last.replace(day=1), "to": last})
    days = WorkingDays(month)
    desks = [unit for unit in place.units if unit.level == "commune" or unit is place.units[0]]
    rows = []
    for number in range(1, section.received + 1):
        day = rng.choice(days.within[: len(days.within) // 2])
        received, done = _at(rng, day), _at(rng, days.after(day, 3))
        due = datetime.combine(days.after(day, 2 if number <= section.late else 5), time(17))
        is_returned = rng.random() < 0.9
        rows.append([
            f"{rng.choice(desks).code}-{number:05d}", f"T-TVH-{rng.randrange(10**6):06d}-TT", rng.choice(FIELDS), "",
            rng.choice("0002"), _text(received), _text(due), _text(done), _text(done) if is_returned else "",
            RETURNED if is_returned else PROCESSED, rng.choice(("", "8.000", "50.000")), people.name(rng),
            people.identity_number(rng), _text(done),
        ])  # fmt: skip
        rows[-1][3] = rows[-1][0].rpartition("-")[0]
    broken = [[*row] for row in rows[:1]]
    for row in broken:  # no number of the vendor's: nobody may guess what it means
        row[0], row[STATUS] = f"{row[3]}-99999", "7"
    return [Export("igate", "dossiers", f"HoSo_{last:%Y%m%d}.xlsx", _workbook(last, rows + broken), last)]


def _at(rng: Random, day: date) -> datetime:
    return datetime.combine(day, time(rng.randint(7, 16), rng.randint(0, 59)))


def _text(at: datetime) -> str:
    return f"{at:%d/%m/%Y %H:%M}"


def _workbook(last: date, rows: list[list[str]]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.set_properties(
            {"created": datetime.combine(last, time(17))}
        )  # else the bytes tell when this ran
        sheet = book.add_worksheet("Hồ sơ")
        sheet.write_string(0, 0, "DANH SÁCH HỒ SƠ MỘT CỬA")
        for y, row in enumerate([list(HEADER), *rows, ["Tổng cộng", f"{len(rows)} hồ sơ"]], start=2):
            for x, cell in enumerate(row):
                if cell:
                    sheet.write_string(y, x, cell)
    return buffer.getvalue()


SYSTEM = System("igate", {"iGate": exports}, section="igate", told_as=IGate, served=("sftp",))
