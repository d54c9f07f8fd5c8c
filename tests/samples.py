"""One register of land certificates, with people in it, in every format that exports come in."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from html import escape
from pathlib import Path

import pyarrow
import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from pyarrow import parquet

from kho.formats.encodings import windows_1258

HEADER = (
    "Số vào sổ", "Ngày cấp", "Diện tích", "Loại đất", "Người sử dụng đất", "Số điện thoại", "Số CCCD", "Ghi chú",
    "Đã trả", "Cập nhật lúc",
)  # fmt: skip
NAMES = ("Nguyễn Văn An", "Trần Thị Bình", "Lê Hoàng Cường", "Phạm Thị Dung", "Võ Minh Đức")


def rows(count: int = 30, first: int = 1) -> list[list[object]]:
    """Rows of the register, with typed values. Notes and some names tell of people."""
    made: list[list[object]] = []
    for n in range(first, first + count):
        name = f"{NAMES[n % 5]} {'ABCDEFGHIKLMNOPQRST'[n % 19]}"
        made.append(
            [
                f"CH{n:05d}",
                date(2021, 1, 1) + timedelta(days=n * 3),
                n * 1250.5,
                ("ODT", "CLN", "LUC")[n % 3],
                name,
                f"09{n:08d}",
                f"079{n:09d}",
                f"Giấy ủy quyền của {name}, điện thoại 09{n:08d}" if n % 4 == 0 else "",
                "x" if n % 2 else "",
                datetime(2021, 6, 1, 8, 0) + timedelta(hours=n * 7),
            ]
        )
    return made


def people(made: list[list[object]]) -> set[str]:
    """Everything in the rows that tells who somebody is."""
    return {str(cell) for row in made for cell in row[4:7]}


def texts(made: list[list[object]]) -> list[list[str]]:
    """The rows as a Vietnamese system writes them."""

    def shown(cell: object) -> str:
        if isinstance(cell, datetime):
            return f"{cell:%d/%m/%Y %H:%M}"
        if isinstance(cell, date):
            return f"{cell:%d/%m/%Y}"
        if isinstance(cell, float):
            return f"{cell:,.1f}".translate({ord(","): ".", ord("."): ","})
        return str(cell)

    return [[shown(cell) for cell in row] for row in made]


def delimited(made: list[list[object]], delimiter: str = ";", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([HEADER, *texts(made)])
    content = text.getvalue()
    return windows_1258(content) if encoding == "windows-1258" else content.encode(encoding)


def html(made: list[list[object]]) -> bytes:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in HEADER)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in texts(made))
    total = f"<tr><td colspan=2>Tổng cộng</td><td colspan=8>{len(made)}</td></tr>"
    return f"<html><meta charset=utf-8><table><tr>{head}</tr>{body}{total}</table></html>".encode()


def xlsx(made: list[list[object]]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Sổ cấp giấy")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        sheet.write(0, 0, "SỔ CẤP GIẤY CHỨNG NHẬN")
        sheet.write(1, 0, "Người lập: Nguyễn Văn An A")
        sheet.write_row(3, 0, HEADER)
        for y, row in enumerate(made, 4):
            for x, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(y, x, cell, moment)
                elif isinstance(cell, date):
                    sheet.write_datetime(y, x, datetime.combine(cell, datetime.min.time()), day)
                else:
                    sheet.write(y, x, cell)
        sheet.write(4 + len(made), 0, "Tổng cộng")
        sheet.write(4 + len(made), 2, sum(float(str(row[2])) for row in made))
    return buffer.getvalue()


def xls(made: list[list[object]]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sổ")
    for y, row in enumerate([list(HEADER), *texts(made)]):
        for x, cell in enumerate(row):
            sheet.write(y, x, cell)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def ods(made: list[list[object]]) -> bytes:
    document = OpenDocumentSpreadsheet()
    table = Table(name="Sổ")
    for row in [list(HEADER), *texts(made)]:
        line = TableRow()
        for cell in row:
            place = TableCell(valuetype="string")
            place.addElement(P(text=cell))
            line.addElement(place)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    buffer = io.BytesIO()
    document.write(buffer)
    return buffer.getvalue()


def records(made: list[list[object]]) -> list[dict[str, object]]:
    def plain(cell: object) -> object:
        if isinstance(cell, datetime):
            return f"{cell.isoformat()}+07:00"
        return cell.isoformat() if isinstance(cell, date) else cell

    return [{name: plain(cell) for name, cell in zip(HEADER, row, strict=True) if cell != ""} for row in made]


def json_document(made: list[list[object]]) -> bytes:
    return json.dumps({"total": len(made), "data": {"items": records(made)}}, ensure_ascii=False).encode()


def json_list(made: list[list[object]]) -> bytes:
    return json.dumps(records(made), ensure_ascii=False).encode()


def json_lines(made: list[list[object]]) -> bytes:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records(made)).encode()


XML_NAMES = (
    "code",
    "issued",
    "area",
    "land",
    "holder/full_name",
    "holder/phone",
    "holder/cccd",
    "note",
    "returned",
    "@at",
)


def xml(made: list[list[object]]) -> bytes:
    lines = []
    for row in records(made):
        values = dict(zip(XML_NAMES, (row.get(name) for name in HEADER), strict=True))
        holder = "".join(f"<{n}>{values[f'holder/{n}']}</{n}>" for n in ("full_name", "phone", "cccd"))
        plain = "".join(
            f"<{n}>{values[n]}</{n}>" for n in XML_NAMES if "/" not in n and "@" not in n and values[n]
        )
        lines.append(f'<certificate at="{values["@at"]}">{plain}<holder>{holder}</holder></certificate>')
    return f"<register><head><made>1</made></head><list>{''.join(lines)}</list></register>".encode()


def parquet_file(made: list[list[object]]) -> bytes:
    columns = {name: [row[n] for row in made] for n, name in enumerate(HEADER)}
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data)


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("certificates.data", data)
    return buffer.getvalue()


#: what the file looks like, its name's ending (which lies now and then), and how it is made
KINDS: dict[str, tuple[str, Callable[[list[list[object]]], bytes]]] = {
    "csv": ("csv", delimited),
    "csv utf-16 tabs": ("txt", lambda made: delimited(made, "\t", "utf-16")),
    "csv utf-8-sig": ("csv", lambda made: delimited(made, ",", "utf-8-sig")),
    "csv windows-1258": ("csv", lambda made: delimited(made, encoding="windows-1258")),
    "csv tcvn3": ("dat", lambda made: delimited(made, "|", "tcvn3")),
    "csv vni": ("csv", lambda made: delimited(made, encoding="vni")),
    "csv with titles": (
        "csv",
        lambda made: "SỔ CẤP GIẤY;;;;;;;;;\nNgày 30/06/2021;;;;;;;;;\n".encode() + delimited(made),
    ),
    "csv in gzip": ("csv.gz", lambda made: gzipped(delimited(made))),
    "csv in zip": ("csv.zip", lambda made: zipped(delimited(made, encoding="windows-1258"))),
    "html": ("xls", html),
    "xlsx": ("xlsx", xlsx),
    "xls": ("xls", xls),
    "ods": ("ods", ods),
    "json document": ("json", json_document),
    "json list": ("json", json_list),
    "jsonl": ("json", json_lines),
    "jsonl in gzip": ("jsonl.gz", lambda made: gzipped(json_lines(made))),
    "xml": ("xml", xml),
    "parquet": ("parquet", parquet_file),
}


def put(folder: Path, kind: str, made: list[list[object]], day: date = date(2021, 6, 30)) -> Path:
    """A sample of this kind in a folder."""
    ending, make = KINDS[kind]
    path = folder / f"certificates_{day:%Y%m%d}.{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make(made))
    return path
