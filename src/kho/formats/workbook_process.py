"""Reads a workbook in a process of its own: calamine ends its process when memory runs out, as small files can make it.

Run by `workbook` as a script. The workbook comes in; out come pickled pairs: `rows` with the columns of some rows of the
sheet, which are fewer objects than the rows, and what is wrong with cells of theirs, and then `end`; or `sheets` with the
first rows of every sheet when there is none of that name; or `problem`, of no more words.

What is wrong with a cell, calamine does not say: errors and formulas without a value are empty cells to it. They are looked
for beside it, in workbooks that seem to have any.
"""

from __future__ import annotations

import io
import pickle
import posixpath
import re
import resource
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

SOME = 5_000
# Excel keeps 15 digits: of a longer number the last ones are gone.
TOO_LONG = 1e15

_ODS_MARKS = (b"number-rows-spanned", b'value-type="error"', b"table:formula")
_ODS_TYPE = re.compile(rb"office:value-type=[\"']([^\"']*)")
_ODS_TYPES = {b"float", b"percentage", b"currency", b"date", b"time", b"boolean", b"string", b"void"}
_ERROR = re.compile(r"#[A-Z0-9_/]+[!?]?|Err:\d+")
_REFERENCE = re.compile(r"([A-Z]+)(\d+)")
#: what a fastexcel error says of a cell, and what the cell shows
_NAMES = {
    "Null": "#NULL!",
    "Div0": "#DIV/0!",
    "Value": "#VALUE!",
    "Ref": "#REF!",
    "Name": "#NAME?",
    "Num": "#NUM!",
    "NA": "#N/A",
}

#: as large as a sheet may be, and nothing that it declares is taken
_SAFELY: dict[str, Any] = {"huge_tree": True, "resolve_entities": False, "no_network": True}

Row = list[Any]
#: by row and column, from 0
Flaws = dict[int, dict[int, str]]
#: first row, column, last row
Merged = list[tuple[int, int, int]]


def main(
    kind: str, memory: int, head: int, looks: str, repeats_merged: str, sheet: str | None = None
) -> None:
    """The rows of the sheet, or of the first one; within `memory` bytes.

    It is looked for what is wrong with cells, or is not; cells merged over rows are repeated, or are not.
    """
    data = sys.stdin.buffer.read()
    from python_calamine import CalamineError, CalamineWorkbook

    broken: tuple[type[Exception], ...] = (CalamineError, LookupError, SyntaxError, zipfile.BadZipFile)
    if kind == "xls":
        import fastexcel  # before memory is short

        broken += (fastexcel.FastExcelError,)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            names = workbook.sheet_names
            if sheet is None or sheet in names:
                name = names[0] if sheet is None else sheet
                found = workbook.get_sheet_by_name(name)
                rows: Iterator[Row] = found.iter_rows()
                flaws, merged = _LOOKS[kind](data, name) if looks == "yes" else ({}, [])
                ranges = found.merged_cell_ranges or []
                merged += [(first[0], first[1], last[0]) for first, last in ranges if last[0] > first[0]]
                # Its rows begin with the sheet's first, and with the first column that is not empty.
                _, left = found.start or (0, 0)
                if repeats_merged == "yes" and merged:
                    rows = _filled(rows, [(first, column - left, last) for first, column, last in merged])
                _give(rows, flaws, 0 if kind == "xls" else left)
            else:
                sheets = {name: workbook.get_sheet_by_name(name) for name in names}
                _say("sheets", {name: each.to_python(nrows=head) for name, each in sheets.items()})
    except broken:
        _say("problem", None)


def _give(rows: Iterator[Row], flaws: Flaws, left: int) -> None:
    for start in count(0, SOME):
        some = list(islice(rows, SOME))
        if not some:
            break
        columns = list(zip(*some, strict=True))
        theirs = {
            number: {column - left: flaw for column, flaw in flaws[start + number].items()}
            for number in range(len(some))
            if start + number in flaws
        }
        for place, cells in enumerate(columns):
            for number in _too_long(cells):
                theirs.setdefault(number, {})[place] = (
                    "has more digits than the 15 that a workbook keeps of a number"
                )
        _say("rows", (list(map(_shared, columns)), theirs))
    _say("end", None)


def _too_long(cells: tuple[object, ...]) -> list[int]:
    if not {int, float} & set(map(type, cells)):
        return []
    return [
        number for number, cell in enumerate(cells) if type(cell) in (int, float) and abs(cell) >= TOO_LONG
    ]


def _shared(cells: tuple[object, ...]) -> tuple[object, ...]:
    """The cells of a column; equal ones become one, which is pickled once. Not so numbers: a 1 may equal a yes."""
    if not {bool, int, float}.isdisjoint(map(type, cells)):
        return cells
    known: dict[object, object] = {}
    return tuple(map(known.setdefault, cells, cells))


def _filled(rows: Iterator[Row], merged: Merged) -> Iterator[Row]:
    """The rows; a cell that is merged over some stands in each of them."""
    begin = defaultdict(list)
    for first, column, last in merged:
        begin[first].append((column, last))
    open_: dict[int, tuple[int, object]] = {}  # column -> last row and what stands there
    for number, row in enumerate(rows):
        for column, (last, cell) in list(open_.items()):
            row[column] = cell
            if last == number:
                del open_[column]
        open_ |= {
            column: (last, row[column]) for column, last in begin.get(number, ()) if 0 <= column < len(row)
        }
        yield row


def _look_into_xlsx(data: bytes, sheet: str) -> tuple[Flaws, Merged]:
    """Cells that show an error, and formulas that were never calculated, as programs write them."""
    from lxml import etree

    flaws: Flaws = defaultdict(dict)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # Some programs write names in capitals, and with the other slash.
        members = {name.lower().replace("\\", "/"): name for name in archive.namelist()}

        def read(name: str) -> bytes:
            return archive.read(members[name.lower()])

        targets = {
            each.get("Id"): each.get("Target").replace("\\", "/")
            for each in etree.fromstring(read("xl/_rels/workbook.xml.rels")).iter("{*}Relationship")
        }
        sheets = etree.fromstring(read("xl/workbook.xml")).iter("{*}sheet")
        ids = (
            value
            for each in sheets
            if each.get("name") == sheet
            for key, value in each.items()
            if key.endswith("}id")
        )
        path = posixpath.normpath(posixpath.join("/xl", targets[next(ids)]))[1:]
        text = read(path)
    row = column = -1
    for event, each in etree.iterparse(io.BytesIO(text), ("start", "end"), tag=("{*}row", "{*}c"), **_SAFELY):
        is_row = each.tag.endswith("}row")
        if event == "start" and is_row:
            row, column = int(each.get("r", row + 2)) - 1, -1
        elif event == "end" and is_row:
            each.clear()
        elif event == "end":
            column = _column(each.get("r")) if each.get("r") else column + 1
            if flaw := _flaw_of_cell(each):
                flaws[row][column] = flaw
    return flaws, []


def _flaw_of_cell(cell: Any) -> str | None:
    kind, value = cell.get("t", "n"), cell.findtext("{*}v")
    if kind == "e":
        return f"shows {value}" if value and _ERROR.fullmatch(value) else "shows an error"
    is_formula = kind != "inlineStr" and cell.find("{*}f") is not None
    return "has a formula that was never calculated" if is_formula and kind != "str" and not value else None


def _column(reference: str) -> int:
    found = _REFERENCE.fullmatch(reference)
    place = 0
    for letter in found[1] if found else "":
        place = place * 26 + ord(letter) - 64
    return place - 1


def _look_into_ods(data: bytes, sheet: str) -> tuple[Flaws, Merged]:
    """Cells that show an error, and cells that are merged over rows."""
    from lxml import etree

    flaws: Flaws = defaultdict(dict)
    merged: Merged = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("content.xml")
    is_known = set(_ODS_TYPE.findall(text)) <= _ODS_TYPES
    if is_known and not any(mark in text for mark in _ODS_MARKS):
        return flaws, merged
    is_there, row = False, 0
    tags = [f"{{urn:oasis:names:tc:opendocument:xmlns:table:1.0}}{name}" for name in ("table", "table-row")]
    for event, each in etree.iterparse(io.BytesIO(text), ("start", "end"), tag=tags, **_SAFELY):
        if each.tag == tags[0]:
            is_there, row = event == "start" and _get(each, "name") == sheet, 0
        elif event == "end":
            if is_there:
                column, times = 0, int(_get(each, "number-rows-repeated") or 1)
                for cell in each.iterchildren("{*}table-cell", "{*}covered-table-cell"):
                    if flaw := _flaw_of_ods_cell(cell):
                        flaws |= {row + n: flaws[row + n] | {column: flaw} for n in range(min(times, SOME))}
                    if (down := int(_get(cell, "number-rows-spanned") or 1)) > 1:
                        merged.append((row, column, row + down - 1))
                    column += int(_get(cell, "number-columns-repeated") or 1)
                row += times
            each.clear()
    return flaws, merged


def _get(element: Any, name: str) -> str | None:
    return next((value for key, value in element.items() if key.endswith(f"}}{name}")), None)


def _flaw_of_ods_cell(cell: Any) -> str | None:
    kinds = [value for key, value in cell.items() if key.endswith("}value-type")]
    if any(kind != "error" and kind.encode() not in _ODS_TYPES for kind in kinds):
        return "has a value of a type that nobody knows"
    if "error" not in kinds and _get(cell, "formula") is None:
        return None
    shown = "".join(cell.itertext()).strip()
    if _ERROR.fullmatch(shown):
        return f"shows {shown}"
    return "shows an error" if "error" in kinds else None


def _look_into_xls(data: bytes, sheet: str) -> tuple[Flaws, Merged]:
    import fastexcel

    found = fastexcel.read_excel(data).load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
    _, errors = found.to_arrow_with_errors()
    flaws: Flaws = defaultdict(dict)
    for error in errors.errors if errors else ():
        row, column = error.position
        name = error.detail.partition("Error(")[2].rstrip(")'")
        flaws[row][column] = f"shows {_NAMES[name]}" if name in _NAMES else "shows an error"
    return flaws, []


_LOOKS = {"xlsx": _look_into_xlsx, "ods": _look_into_ods, "xls": _look_into_xls}


def _say(word: str, what: object) -> None:
    pickle.dump((word, what), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
