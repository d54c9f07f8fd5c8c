"""Workbooks (xlsx, xls, ods): read whole by calamine, so with a cap; their cells become the text that the contract expects."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from kho.contract import Contract, telling
from kho.contract.model import OWN_ENCODINGS
from kho.formats import kinds
from kho.formats.block import BLOCK_ROWS, Block, Export, Unreadable, Wrong, composed, in_blocks
from kho.formats.cells import texts
from kho.formats.encodings import typed_with_its_font
from kho.formats.header import find_header, match
from kho.formats.part import Layout, Part

HEAD = 40  # rows in which the header is looked for
# What calamine may take: itself, and cells as a multiple of the file's cap.
_MEMORY_BYTES, _MEMORY_RATIO = 256_000_000, 12
_MAGIC = {"xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xlsx": b"PK\x03\x04", "ods": b"PK\x03\x04"}

#: of a cell that shows an error, and of a formula
_MARKS = {b"e": (b'"e"', b"'e'"), b"f": (b"<f", b":f")}
_NO_SHEET = ":/"  # signs that no sheet's name may have

Row = Sequence[object]


class _Flawed(tuple[object, ...]):
    """A row of which cells show no value of theirs: what is wrong with them, by their places."""

    flaws: Mapping[int, str]


#: the columns of some rows, and what is wrong with cells of theirs, by row and column
_Answer = tuple[list[Sequence[object]], dict[int, dict[int, str]]]


class _NoSuchSheet(Exception):
    """Carries the first rows of the sheets that there are."""

    def __init__(self, sheets: dict[str, list[Row]]) -> None:
        self.sheets = sheets


def open_export(contract: Contract, part: Part, layout: Layout) -> Export:
    data = _workbook(part, layout)
    notes = []
    try:
        rows = _rows(data, layout, layout.sheet)
    except _NoSuchSheet as missing:
        sheet = _only_fitting(contract, layout.sheet, missing.sheets)
        place = list(missing.sheets).index(sheet)
        notes.append(f"{_told(place, sheet)} instead of '{layout.sheet}'")
        rows = _rows(data, layout, sheet)
    head = list(islice(rows, HEAD))
    first, header = find_header(contract, _labels(head, layout.encoding))
    start = first + contract.file.header_rows
    positions = match(contract, header).positions
    headers = {positions[each.name]: each.header for each in contract.columns if each.name in positions}
    left = _told_flaws(chain(head[start:], rows), headers)
    if layout.encoding.lower() in OWN_ENCODINGS:
        left = (_row_in_unicode(row, layout.encoding) for row in left)

    def blocks(before: int = 0) -> Iterator[Block]:
        yield from in_blocks(left, len(header), texts(contract, header), before)

    return Export(header, blocks, notes=notes, header_row=first + 1)


def look(part: Part, layout: Layout) -> Iterator[list[object]]:
    """The cells of the sheet, typed; empty ones are ''."""
    try:
        for row in _rows(_workbook(part, layout), layout, layout.sheet):
            yield [composed(cell) if isinstance(cell, str) else cell for cell in row]
    except _NoSuchSheet as missing:
        # Only who looks at the file with `kho source new` sees this, and chooses one of them.
        named = ", ".join(f"'{name}'" for name in missing.sheets)
        raise Unreadable(f"there is no sheet '{layout.sheet}': there are {named}") from None


def sheets(part: Part, layout: Layout) -> dict[str, list[Row]]:
    """The first rows of every sheet, by its name, in order."""
    try:
        _rows(_workbook(part, layout), layout, _NO_SHEET)
    except _NoSuchSheet as found:
        return found.sheets
    raise AssertionError(f"a sheet is named {_NO_SHEET}")


def _only_fitting(contract: Contract, wanted: str | None, sheets: Mapping[str, list[Row]]) -> str:
    """The one sheet that has the contract's header."""
    fitting = []
    for name, head in sheets.items():
        with suppress(Unreadable):
            find_header(contract, _labels(head, contract.encoding))
            fitting.append(name)
    if len(fitting) != 1:
        several = "several" if fitting else "none"
        told = ", ".join(_told(place, name) for place, name in enumerate(sheets))
        raise Unreadable(
            f"there is no sheet '{wanted}', and {several} with the contract's header: there are {told};"
            " the contract's key sheet names it"
        )
    return fitting[0]


def _told(place: int, name: str) -> str:
    return f"sheet {place + 1} ({telling.shape(name)})"


def _labels(rows: list[Row], encoding: str) -> list[list[str]]:
    labels = []
    for row in rows:
        with suppress(UnicodeError):  # a title may be in another font
            row = _in_unicode(row, encoding)
        labels.append(
            [str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell) for cell in row]
        )
    return labels


def _in_unicode(row: Row, encoding: str) -> Row:
    """The row's cells; their texts read as the contract says where old fonts typed them. Raises UnicodeError."""
    if encoding.lower() not in OWN_ENCODINGS:
        return row
    return [typed_with_its_font(cell, encoding) if isinstance(cell, str) else cell for cell in row]


def _row_in_unicode(row: Row | Wrong, encoding: str) -> Row | Wrong:
    try:
        return row if isinstance(row, Wrong) else _in_unicode(row, encoding)
    except UnicodeError:
        return Wrong(f"a text in the row is not in {encoding.lower()}: was it typed in Unicode?")


def _told_flaws(rows: Iterator[Row], headers: Mapping[int, str]) -> Iterator[Row | Wrong]:
    """The rows, of flawed ones what is wrong with them; to look at each by itself would cost as much as to read it."""

    def told(some: list[Row]) -> list[Row | Wrong]:
        if _Flawed not in set(map(type, some)):
            return some
        return [_flaw(row, headers) if type(row) is _Flawed else row for row in some]

    return chain.from_iterable(map(told, iter(lambda: list(islice(rows, BLOCK_ROWS)), [])))


def _flaw(row: _Flawed, headers: Mapping[int, str]) -> Row | Wrong:
    """What is wrong with the first of the row's cells that the contract asks for, if there is any."""
    found = min(row.flaws.keys() & headers.keys(), default=None)
    return row if found is None else Wrong(f"the cell {row.flaws[found]}", headers[found])


class _Workbook(NamedTuple):
    data: bytes
    may_have_flaws: bool  # whether a cell may show an error, or have a formula


def _workbook(part: Part, layout: Layout) -> _Workbook:
    data = part.whole(layout.max_bytes)
    if not data.startswith(_MAGIC[layout.format]):
        raise Unreadable(f"this is no {layout.format}: {kinds.told(data)}")
    if layout.format == "xls":
        return _Workbook(data, True)
    is_marked = _check_inflated(data, layout.max_bytes)
    return _Workbook(data, is_marked or layout.format == "ods")


def _rows(book: _Workbook, layout: Layout, sheet: str | None) -> Iterator[Row]:
    """The rows of a sheet, or the first one, as a process of its own gives them; raises `_NoSuchSheet` at once."""
    answers = _answers(book, layout, sheet)
    first = list(islice(answers, 1))
    return chain.from_iterable(map(_rows_of, chain(first, answers)))


def _rows_of(answer: _Answer) -> Iterator[Row]:
    columns, flaws = answer
    rows = zip(*columns, strict=True)
    return _marked(rows, flaws) if flaws else rows


def _marked(rows: Iterator[Row], flaws: Mapping[int, Mapping[int, str]]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        if number in flaws:
            row = _Flawed(row)
            row.flaws = flaws[number]
        yield row


def _answers(book: _Workbook, layout: Layout, sheet: str | None) -> Iterator[_Answer]:
    """The columns of some rows at once."""
    script = Path(__file__).with_name("workbook_process.py")
    memory = _MEMORY_BYTES + layout.max_bytes * _MEMORY_RATIO
    looks, repeats = ("yes" if each else "no" for each in (book.may_have_flaws, layout.repeats_merged_cells))
    arguments = [layout.format, str(memory), str(HEAD), looks, repeats, *([sheet] if sheet else [])]
    arguments = [sys.executable, "-I", str(script), *arguments]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            with process.stdin as its_input:
                its_input.write(book.data)
            while True:
                word, what = pickle.load(process.stdout)
                match word:
                    case "rows":
                        yield what
                    case "sheets":
                        raise _NoSuchSheet(what)
                    case "problem":  # in calamine's words, which name sheets and files
                        raise Unreadable("the workbook can't be read: is it damaged?")
                    case _:
                        return
        except (EOFError, pickle.UnpicklingError, BrokenPipeError):
            raise Unreadable(
                f"the workbook can't be read within {memory // 1_000_000} MB of memory: is it damaged,"
                " or do its cells spread too wide?"
            ) from None
        finally:
            process.kill()


def _check_inflated(data: bytes, cap: int) -> bool:
    """Refuse a workbook that unpacks to more than `cap` bytes: counted, since a zip's own words may lie.

    Gives whether a sheet of an xlsx has a sign of what is to be looked for beside calamine.
    """
    too_large = Unreadable(
        f"the workbook unpacks to more than {cap // 1_000_000} MB: its contract's maxFileMegabytes"
    )
    is_marked = False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            left = cap
            for member in archive.infolist():
                if member.file_size > left:
                    raise too_large
                is_sheet, before = "worksheets" in member.filename.lower(), b""
                start = member.header_offset + 30
                start += sum(int.from_bytes(data[start - 4 + n : start - 2 + n], "little") for n in (0, 2))
                for piece in _inflated(data[start : start + member.compress_size], member.compress_type):
                    left -= len(piece)
                    if left < 0:
                        raise too_large
                    if is_sheet and not is_marked:
                        # One byte is found many times faster than some, and in most sheets none of these is there.
                        is_marked = any(
                            sign in piece and any(mark in before + piece for mark in marks)
                            for sign, marks in _MARKS.items()
                        )
                        before = piece[-2:]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
        raise Unreadable("this is no whole workbook (cut off, or another kind of file)") from None
    return is_marked


def _inflated(packed: bytes, method: int) -> Iterator[bytes]:
    """What comes out of a member, a piece at a time."""
    if method == zipfile.ZIP_STORED:
        yield packed
        return
    inflater = zlib.decompressobj(-15)
    while packed:
        yield inflater.decompress(packed, 1 << 20)
        packed = inflater.unconsumed_tail
