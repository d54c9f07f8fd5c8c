"""The district's radio station: workbooks of the programmes it broadcast and of the articles that others sent in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from math import ceil
from random import Random

import xlsxwriter
from pydantic import model_validator

from kho_sample import people
from kho_sample.agencies import Agency
from kho_sample.export import Export, Line, spoil
from kho_sample.section import Count, Period, Section
from kho_sample.shares import shares
from kho_sample.system import Place, System
from kho_sample.working_days import WorkingDays, month_ends

PROGRAMMES = (
    "Mã chương trình", "Mã đơn vị", "Ngày phát", "Tên chương trình", "Thời lượng (phút)", "Lượt nghe", "Cập nhật",
)  # fmt: skip
ARTICLES = ("Mã bài", "Mã đơn vị", "Đơn vị gửi", "Ngày gửi", "Tiêu đề", "Tác giả", "Đã phát")
TOPICS = ("Bản tin thời sự", "Cải cách hành chính", "Nông thôn mới", "Phòng chống dịch", "An toàn giao thông")


class Broadcasting(Section):
    """The totals of a station, named as the metrics they become."""

    broadcast_programmes: Count
    broadcast_minutes: Count
    broadcast_listens: Count
    broadcast_articles_contributed: Count

    @model_validator(mode="after")
    def _programmes_have_minutes(self) -> Broadcasting:
        if self.broadcast_minutes < self.broadcast_programmes:
            raise ValueError(
                f"broadcast_minutes is {self.broadcast_minutes}, less than a minute for each of"
                f" {self.broadcast_programmes} broadcast_programmes"
            )
        if self.broadcast_programmes == 0 and (self.broadcast_minutes or self.broadcast_listens):
            raise ValueError("broadcast_minutes and broadcast_listens must be 0 without broadcast_programmes")
        return self

    def scaled(self, factor: float) -> Broadcasting:
        """The same station at another size: none vanishes."""
        small = {name: ceil(value * factor) for name, value in self}
        small["broadcast_minutes"] = max(small["broadcast_minutes"], small["broadcast_programmes"])
        return Broadcasting.model_validate(small)


def exports(told: Broadcasting, place: Place) -> list[Export]:
    """A workbook of programmes and one of articles for every month."""
    rng = Random(f"{place.seed} broadcasting")
    days = WorkingDays(place.period)
    return [
        *_files(
            "programmes",
            "phat_thanh",
            PROGRAMMES,
            _programmes(told, days, place.units[0], rng),
            place.period,
            rng,
        ),
        *_files(
            "articles", "cong_tac_vien", ARTICLES, _articles(told, days, place.units, rng), place.period, rng
        ),
    ]


def _programmes(told: Broadcasting, days: WorkingDays, station: Agency, rng: Random) -> list[tuple]:
    """(day handed over, row) of every programme; listens of some are counted again a month later."""
    count = told.broadcast_programmes
    minutes = shares(
        told.broadcast_minutes - count,
        [rng.uniform(0.84, 1.16) * told.broadcast_minutes - count for _ in range(count)],
    )
    listens = shares(told.broadcast_listens, [rng.uniform(0.5, 2) for _ in range(count)])
    found = []
    for n, day in enumerate(sorted(rng.choices(days.within, k=count))):
        row = [f"CT-{day:%Y}-{n + 1:03d}", station.code, day, rng.choice(TOPICS), 1 + minutes[n]]
        counted, again = datetime.combine(day, time(19)), datetime.combine(day, time(9)) + timedelta(days=31)
        if rng.random() < 0.2 and again.date() <= days.end:
            found.append((day, [*row, listens[n] * 2 // 3, counted]))
            found.append((again.date(), [*row, listens[n], again]))
        else:
            found.append((day, [*row, listens[n], counted]))
    return found


def _articles(told: Broadcasting, days: WorkingDays, units: Sequence[Agency], rng: Random) -> list[tuple]:
    found = []
    for n, day in enumerate(sorted(rng.choices(days.within, k=told.broadcast_articles_contributed))):
        sender = rng.choice(units[1:] or units)
        title = f"Bài mẫu số {n + 1}: {rng.choice(TOPICS).lower()}"
        found.append((day, [
            f"CTV-{day:%Y}-{n + 1:04d}", units[0].code, sender.code, day, title, people.name(rng),
            rng.choice(("x", "x", "")),
        ]))  # fmt: skip
    return found


def _files(
    entity: str, name: str, header: Sequence[str], rows: list[tuple], period: Period, rng: Random
) -> list[Export]:
    files: dict[date, list[Line]] = {last: [] for last in month_ends(period.start, period.end)}
    for day, row in rows:
        files[next(last for last in files if day <= last)].append(Line(row[0], row))
    # Months are small: each has a wrong row at most.
    spoil(files, SPOILERS[entity], rng, lambda day: True, share=0.02, rows_per_spoiled=8)
    return [
        Export(
            "broadcasting", entity, f"{name}_{last:%Y%m%d}.xlsx", workbook(entity, header, last, lines), last
        )
        for last, lines in files.items()
    ]


def workbook(title: str, header: Sequence[str], last: date, lines: Sequence[Line]) -> bytes:
    """A sheet with a title, a header, typed rows and a total row."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": datetime.combine(last, time(17))})  # else the bytes tell when this ran
    sheet, bold = book.add_worksheet("Danh sách"), book.add_format({"bold": True})
    formats = {
        date: book.add_format({"num_format": "dd/mm/yyyy"}),
        datetime: book.add_format({"num_format": "dd/mm/yyyy hh:mm"}),
    }
    sheet.merge_range(0, 0, 0, len(header), f"THỐNG KÊ THÁNG {last:%m/%Y}", bold)
    for column, name in enumerate(("TT", *header)):
        sheet.write_string(2, column, name, bold)
    for row, line in enumerate(lines, start=3):
        sheet.write_number(row, 0, row - 2)
        for column, cell in enumerate(line.values, start=1):
            if type(cell) in formats:
                sheet.write_datetime(row, column, cell, formats[type(cell)])
            elif cell != "":
                sheet.write(row, column, cell)
    sheet.write_string(3 + len(lines), 0, "Cộng", bold)
    sheet.write_string(3 + len(lines), 1, f"{len(lines)} mục")
    book.close()
    return buffer.getvalue()


def _put(position: int, value: str):
    return lambda rng, cells: [*cells[:position], value, *cells[position + 1 :]]


SPOILERS = {
    "programmes": (_put(4, "6 phút"), _put(5, "khoảng 4.000"), _put(2, "31/02/2021")),
    "articles": (_put(3, "hôm qua"), _put(6, "có"), _put(2, "xã")),
}


SYSTEM = System(
    "broadcasting", {"broadcasting": exports}, section="broadcasting", told_as=Broadcasting, served=("sftp",)
)
