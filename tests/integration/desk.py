"""Exports of the one-stop desk that a test writes itself: the versions of its dossiers, a file a day; lists of procedures;
and the sheets that ministries' systems print of form II.06."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from html import escape

from kho_sample.dossiers import HEADER
from kho_sample.export import Export
from kho_sample.sheet import workbook
from kho_sample.supplements import HEADER as REQUEST_HEADER

#: with the column that few desks have
DOSSIER_HEADER = (*HEADER, "maHoSoBo")
CHANNELS = {"direct": "1", "online": "2", "post": "3", "none": ""}


def moment(day: str | date | datetime | None, at: str) -> str:
    """`2026-09-03` as the desk writes it; a text that is already written so stays."""
    if day is None or (isinstance(day, str) and "/" in day):
        return day or ""
    if isinstance(day, datetime):
        return f"{day:%d/%m/%Y %H:%M}"
    return f"{date.fromisoformat(str(day)):%d/%m/%Y} {at}"


def version(
    code: str,
    agency: str,
    told: str | date,
    *,
    received: str | date | None = None,
    due: str | date | None = None,
    status: str = "4",
    channel: str = "direct",
    submitted: str | date | None = None,
    asked: str | date | None = None,
    answered: str | date | None = None,
    processed: str | date | None = None,
    returned: str | date | None = None,
    refused: str | date | None = None,
    procedure: str = "1.004946",
    field: str = "HT",
    ministry: str = "",
) -> dict[str, str]:
    """A row of `dossiers`, as the desk told of it on a day."""
    day = datetime.strptime(moment(told, "16:00"), "%d/%m/%Y %H:%M").date()
    cells = dict.fromkeys(DOSSIER_HEADER, "") | {
        "maHoSo": code,
        "maHoSoBo": ministry,
        "maTTHC": procedure,
        "maLinhVuc": field,
        "maDinhDanh": agency,
        "kenhThucHien": CHANNELS[channel],
        "loaiDoiTuong": "1",
        "ngayNopHoSo": moment(submitted or received or day, "07:55"),
        "ngayTiepNhan": moment(received, "08:00"),
        "ngayHenTra": moment(due, "17:00"),
        "ngayYeuCauBoSung": moment(asked, "09:00"),
        "ngayCongDanBoSung": moment(answered, "09:30"),
        "ngayKetThucXuLy": moment(processed, "15:00"),
        "ngayTra": moment(returned, "15:30"),
        "ngayTuChoi": moment(refused, "10:00"),
        "maTrangThai": status,
        "hinhThucTra": "1",
        "nhanKetQuaBCCI": "0",
        "ngayCapNhat": moment(told, "16:00"),
    }
    return cells


def request(
    code: str, dossier: str, agency: str, asked: str | date, answered: str | date | None, told: str | date
) -> dict[str, str]:
    """A row of `supplements`."""
    return dict.fromkeys(REQUEST_HEADER, "") | {
        "maYeuCau": code,
        "maHoSo": dossier,
        "maDinhDanh": agency,
        "maLyDo": "1",
        "ngayYeuCau": moment(asked, "09:00"),
        "ngayBoSung": moment(answered, "09:30"),
        "ngayCapNhat": moment(told, "16:00"),
    }


def exports(
    rows: Iterable[Mapping[str, str]], to: date, requests: Iterable[Mapping[str, str]] = ()
) -> list[Export]:
    """A file for every day that something was told on, and for the last one."""
    return [
        *_files("dossiers", DOSSIER_HEADER, rows, to),
        *_files("supplements", REQUEST_HEADER, requests, to),
    ]


def _files(entity: str, header: tuple[str, ...], rows: Iterable[Mapping[str, str]], to: date) -> list[Export]:
    days: dict[date, list[Mapping[str, str]]] = defaultdict(list)
    days[to] = []
    for row in rows:
        days[datetime.strptime(row["ngayCapNhat"], "%d/%m/%Y %H:%M").date()].append(row)
    found = []
    for day, told in sorted(days.items()):
        text = io.StringIO()
        writer = csv.DictWriter(text, header, delimiter=";", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(told)
        name = f"{entity}_{day:%Y%m%d}.csv"
        found.append(Export("one_stop", entity, name, ("\ufeff" + text.getvalue()).encode(), day))
    return found


def ministry_dossiers(to: date, rows: Iterable[tuple[str, str, str]]) -> Export:
    """What a ministry's system lists of a month: codes, agencies and days of reception."""
    lines = ["maHoSo;maTTHC;maDinhDanh;ngayTiepNhan"]
    lines += [f"{code};1.004946;{agency};{moment(received, '08:00')}" for code, agency, received in rows]
    content = ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()
    return Export("ministry_forms", "dossiers", f"dossiers_{to:%Y%m%d}.csv", content, to)


def sheet(unit: str, to: date, rows: Iterable[str]) -> Export:
    """Form II.06 of a unit as a ministry's system prints it; rows as `1;Hộ tịch;120;…`, columns 1 to 13."""
    heads = ["STT", "Lĩnh vực giải quyết", "Số hồ sơ nhận giải quyết", *[""] * 10]
    numbers = [f"({n})" for n in range(1, 14)]
    cells = [[int(cell) if cell.isdecimal() else cell for cell in row.split(";")] for row in rows]
    content = workbook("Biểu 06a", to, [["BIỂU TỔNG HỢP"], [], heads, numbers, *cells])
    return Export("ministry_forms", "settlement", f"II06_{unit}_{to:%Y%m%d}.xlsx", content, to)


def procedures(unit: str, day: date, rows: Iterable[Mapping[str, str]]) -> Export:
    """The list of a unit's procedures; a row has what it tells beside the code, by header."""
    common = {
        "Mã định danh": unit, "Tên thủ tục hành chính": "Thủ tục", "Mã lĩnh vực": "HT", "Tên lĩnh vực": "Hộ tịch",
        "Nhóm thủ tục": "Thuộc thẩm quyền", "Mức độ": "toàn trình", "Theo quy định": "NĐ 42/2022", "Công bố BCCI": "",
    }  # fmt: skip
    whole = [{"STT": str(n), **common, **row} for n, row in enumerate(rows, start=1)]
    header = list(dict.fromkeys(name for row in whole for name in row))

    def line(cells: Iterable[str]) -> str:
        return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"

    lines = [line(header), *[line([])] * 2, *(line(row.get(name, "") for name in header) for row in whole)]
    content = f"<html><head><meta charset='utf-8'></head><body><table>{''.join(lines)}</table></body></html>"
    return Export("one_stop", "procedures", f"procedures_{unit}_{day:%Y%m%d}.xls", content.encode(), day)
