"""Lists of agencies as a province has them: 124 communes with their departments, in the files that people send."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import xlsxwriter

from kho.agencies import HEADER
from kho.settings import Settings

Row = tuple[str, ...]

SINCE = "01/07/2025"
PROVINCE = ("H61", "86", "Tỉnh Vĩnh Long", "", "tỉnh", "", SINCE, "")
#: those that the seed has of this province
KNOWN = (("29341", "Tiểu Cần"), ("29362", "Hùng Hòa"), ("29365", "Tập Ngãi"), ("29371", "Tân Hòa"))
COMMUNES = [
    *((unit, unit, name) for unit, name in KNOWN),
    *((f"{100 + number}", f"{28000 + number}", f"Mẫu {number}") for number in range(1, 121)),
]
OF_COMMUNE = (
    ("01", "Văn phòng HĐND và UBND", "cơ quan khác"),
    ("02", "Phòng Kinh tế", "phòng"),
    ("03", "Phòng Văn hóa – Xã hội", "phòng"),
    ("10", "Trung tâm Phục vụ hành chính công", "trung tâm phục vụ hành chính công"),
)
OF_PROVINCE = (
    ("01", "Văn phòng Ủy ban nhân dân tỉnh", "cơ quan khác"),
    ("02", "Sở Nội vụ", "sở"),
    ("03", "Sở Tư pháp", "sở"),
    ("04", "Trung tâm Phục vụ hành chính công tỉnh", "trung tâm phục vụ hành chính công"),
)


def province() -> list[Row]:
    """The list of a province of after: itself, its own departments, its communes and theirs."""
    rows = [PROVINCE]
    rows += [(f"H61.{part}", "", name, "", kind, "H61", SINCE, "") for part, name, kind in OF_PROVINCE]
    for number, (part, unit, name) in enumerate(COMMUNES):
        kind = "phường" if number % 6 == 5 else "xã"
        rows.append((f"H61.{part}", unit, f"{kind.capitalize()} {name}", "", kind, "H61", SINCE, ""))
        rows += [
            (f"H61.{part}.{own}", "", title, "", of, f"H61.{part}", SINCE, "")
            for own, title, of in OF_COMMUNE
        ]
    return rows


def csv_bytes(rows: list[Row], encoding: str = "utf-8-sig", delimiter: str = ";") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([HEADER, *rows])
    return text.getvalue().encode(encoding)


def xlsx_bytes(rows: list[Row]) -> bytes:
    """As people type it: a title, then the header; codes are numbers where Excel takes them for such."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_numbers": True}) as book:
        sheet = book.add_worksheet("Danh mục")
        sheet.write(0, 0, "DANH MỤC CƠ QUAN, ĐƠN VỊ")
        for y, row in enumerate([HEADER, *rows], 2):
            sheet.write_row(y, 0, row)
    return file.getvalue()


def project(folder: Path) -> Settings:
    """A checkout of one's own, as far as agencies go."""
    seeds = Path("dbt_project", "seeds")
    (folder / seeds).mkdir(parents=True)
    for name in ("agencies.csv", "system_operation.csv"):
        shutil.copy2(Settings().project / seeds / name, folder / seeds / name)
    return Settings(project=folder, home=folder / "home")
