"""Taking rows out of a file: each becomes a blank one, so all others stay as they are and where they are.

Whatever was written is read again by the contract, and compared row by row with what was there before.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import IO

from kho.archive import nameless
from kho.contract import Contract
from kho.formats import open_export
from kho.formats.block import EDGES, Block, composed
from kho.formats.delimited import HEAD_BYTES, _codec
from kho.formats.header import expect_header
from kho.formats.part import Layout, _is_export, _is_gzip

#: whether a text of the column of this name belongs to who is to go
Meant = Callable[[str, str], bool]
#: what a row says: its cells, why it could not be split, or None where it is blank
Row = tuple[str, ...] | str | None

_BY_LINES = {"csv": "utf-8", "jsonl": "utf-8"}
_ESCAPE = re.compile(r"\\(.)")
_MEANT = {"n": "\n", "r": "\r", "t": "\t"}
_BETWEEN = re.compile(r"[\s\"',;:|<>{}\[\]()=]+")
_TEXT = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class NotRewritable(Exception):
    """A file of which no row can be taken out safely; the message says why."""


def found(contract: Contract, path: Path, names: Sequence[str], is_meant: Meant) -> dict[int, set[str]]:
    """The numbers of the rows in which a column of these names holds what is meant, each with the texts that it holds.

    Of a row that could not be split any part of its line is looked at. Raises `Unreadable`.
    """
    export = open_export(contract, path)
    positions = expect_header(contract, export.header).positions
    looked_at = [(name, positions[name]) for name in names if name in positions]
    numbers: dict[int, set[str]] = {}
    broken: list[tuple[int, int]] = []
    for block in export.blocks():
        for number, row in _rows(block, export.delimiter):
            if isinstance(row, tuple):
                for name, place in looked_at:
                    if row[place] and is_meant(name, row[place]):
                        numbers.setdefault(number, set()).add(row[place])
            elif row is not None and block.offsets is not None and contract.format in _BY_LINES:
                broken.append((number, int(block.offsets[number - block.first_row])))
    if broken:
        for number, line in _lines(contract, path, broken):
            parts = {each for part in _BETWEEN.split(line) if (each := composed(part).strip(EDGES))}
            if held := {part for part in parts for name in names if is_meant(name, part)}:
                numbers[number] = held
    return numbers


def blanked(
    contract: Contract, path: Path, target: IO[bytes], names: Sequence[str], is_meant: Meant, room: Path
) -> dict[int, set[str]]:
    """Write the file with the rows blank that `found` gives, and give these; where there are none nothing is written.

    In `room` the file may be unpacked. Raises `NotRewritable` where a row can't be taken out so that all others read as before,
    `Unreadable`.
    """
    numbers = found(contract, path, names, is_meant)
    if not numbers:
        return numbers
    match contract.server.compression:
        case "gzip" if _is_packed(path):
            with nameless(room) as plain:
                with gzip.open(path) as packed, plain.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
                with gzip.GzipFile(fileobj=target, mode="wb", filename="", mtime=0) as again:
                    _blank(_plain(contract), plain, again, names, is_meant)
        case "zip":
            _blank_members(contract, path, target, names, is_meant, room)
        case _:
            _blank(_plain(contract), path, target, names, is_meant)
    target.flush()
    _expect_others_as_before(contract, path, Path(f"/proc/self/fd/{target.fileno()}"), set(numbers))
    return numbers


def _plain(contract: Contract) -> Contract:
    server = contract.server.model_copy(update={"compression": None})
    return contract.model_copy(update={"server": server})


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return _is_gzip(file)


def _blank_members(
    contract: Contract, path: Path, target: IO[bytes], names: Sequence[str], is_meant: Meant, room: Path
) -> None:
    contract = _plain(contract)
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(target, "w") as made:
        for member in given.infolist():
            with nameless(room) as before:
                with given.open(member) as packed, before.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
                with made.open(member, "w") as again:
                    if _is_export(member) and found(contract, before, names, is_meant):
                        _blank(contract, before, again, names, is_meant)
                    else:
                        with before.open("rb") as same:
                            shutil.copyfileobj(same, again)


def _blank(contract: Contract, path: Path, target: IO[bytes], names: Sequence[str], is_meant: Meant) -> None:
    numbers = set(found(contract, path, names, is_meant))
    match contract.format:
        case "csv" | "jsonl":
            _blank_lines(contract, path, target, numbers)
        case "json":
            _blank_objects(contract, path, target, numbers)
        case "xml":
            _blank_elements(contract, path, target, numbers)
        case "xlsx":
            _blank_cells(path, target, names, is_meant)
        case other:
            raise NotRewritable(f"no row of a file of the format {other} can be taken out safely")


# What a row says


def _rows(block: Block, delimiter: str) -> Iterator[tuple[int, Row]]:
    """Each row of a block with its number, in order."""
    if block.is_csv:
        given = csv.reader(io.StringIO(block.copy.decode(), newline=""), delimiter=delimiter)
        for number, cells in enumerate(given, block.first_row):
            yield number, _seen(cells)
        return
    rows: dict[int, Row] = {reject.row_number: reject.reason for reject in block.rejects}
    for line in block.copy.decode().split("\n"):
        if line:
            number, *cells = line.split("\t")
            rows[int(number)] = _seen(["" if cell == "\\N" else _unescaped(cell) for cell in cells])
    for number in range(block.first_row, block.first_row + block.row_count):
        yield number, rows.get(number)


def _seen(cells: Sequence[str]) -> Row:
    seen = tuple(cell.strip(EDGES) for cell in cells)
    return seen if any(seen) else None


def _unescaped(cell: str) -> str:
    return _ESCAPE.sub(lambda sign: _MEANT.get(sign[1], sign[1]), cell) if "\\" in cell else cell


def _all_rows(contract: Contract, path: Path) -> Iterator[tuple[int, Row]]:
    export = open_export(contract, path)
    for block in export.blocks():
        yield from _rows(block, export.delimiter)


def _expect_others_as_before(contract: Contract, before: Path, after: Path, numbers: set[int]) -> None:
    """Raise `NotRewritable` unless exactly these rows are blank now."""
    nothing = 0, "no row"
    pairs = zip_longest(_all_rows(contract, before), _all_rows(contract, after), fillvalue=nothing)
    for (number, was), (now, is_now) in pairs:
        expected = None if number in numbers else was
        # A cut last line is told otherwise once it is not the last.
        is_same = is_now == expected or (isinstance(expected, str) and isinstance(is_now, str))
        if now != number or not is_same:
            raise NotRewritable(f"without the rows that are to go its row {number} would not read as before")


# Lines


def _ends(contract: Contract, path: Path, numbers: set[int]) -> dict[int, tuple[int, int]]:
    """Where the lines of these rows begin, and where the next one that has a place does."""
    places: dict[int, tuple[int, int]] = {}
    open_: int | None = None
    begins = 0
    for block in open_export(contract, path).blocks():
        if block.offsets is None:
            continue
        if open_ is not None:
            places[open_], open_ = (begins, int(block.offsets[0])), None
        last = block.first_row + block.row_count - 1
        for number in numbers.intersection(range(block.first_row, last + 1)):
            begin = int(block.offsets[number - block.first_row])
            if number < last:
                places[number] = begin, int(block.offsets[number - block.first_row + 1])
            else:
                open_, begins = number, begin
    if open_ is not None:
        places[open_] = begins, path.stat().st_size
    if places.keys() != numbers:
        raise NotRewritable("where its rows stand is not known")
    return places


def _lines(contract: Contract, path: Path, broken: list[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    """The text of each of these lines."""
    places = _ends(contract, path, {number for number, _ in broken})
    with path.open("rb") as file:
        codec, _ = _codec_of(contract, file)
        for number, (begin, end) in sorted(places.items()):
            file.seek(begin)
            yield number, file.read(end - begin).decode(codec, "replace")


def _codec_of(contract: Contract, file: IO[bytes]) -> tuple[str, int]:
    if contract.format != "csv":
        return "utf-8", 1
    file.seek(0)
    codec, _ = _codec(Layout.of(contract).encoding, file.read(HEAD_BYTES))
    return codec, len(" ".encode(codec)) if codecs.lookup(codec).name.startswith("utf-16") else 1


def _blank_lines(contract: Contract, path: Path, target: IO[bytes], numbers: set[int]) -> None:
    """Spaces in the place of each line: every other byte stays where it was."""
    places = sorted(_ends(contract, path, numbers).values())
    with path.open("rb") as file:
        codec, unit = _codec_of(contract, file)
        space, breaks = " ".encode(codec), {sign.encode(codec) for sign in "\r\n"}
        file.seek(0)
        for begin, end in places:
            _copy(file, target, begin - file.tell())
            line = file.read(end - begin)
            length = len(line)
            while length >= unit and line[length - unit : length] in breaks:
                length -= unit
            target.write(space * (length // unit) + line[length:])
        shutil.copyfileobj(file, target)


def _copy(file: IO[bytes], target: IO[bytes], size: int) -> None:
    while size and (some := file.read(min(size, 1 << 20))):
        target.write(some)
        size -= len(some)


# Objects of JSON


def _blank_objects(contract: Contract, path: Path, target: IO[bytes], numbers: set[int]) -> None:
    """`{}` and spaces in the place of each object."""
    import msgspec

    from kho.formats.json import _RECORD_SEPARATOR

    layout, number = Layout.of(contract), 0
    pages = path.read_bytes().split(_RECORD_SEPARATOR)
    for place, page in enumerate(pages):
        if not page.strip():
            continue
        mark = codecs.BOM_UTF8 if page.lstrip().startswith(codecs.BOM_UTF8) else b""
        text = page.lstrip().removeprefix(mark)
        begin = len(page) - len(text)
        listed: bytes = text
        try:
            if layout.records_path is not None or text.startswith(b"{"):
                for key in (layout.records_path or "items").split("."):
                    inner = bytes(msgspec.json.decode(listed, type=dict[str, msgspec.Raw])[key])
                    begin += listed.index(inner)
                    listed = inner
            items = [bytes(each) for each in msgspec.json.decode(listed, type=list[msgspec.Raw])]
        except (msgspec.DecodeError, KeyError):
            raise NotRewritable("its rows are no list of objects") from None
        changed, at = bytearray(page), begin
        for item in items:
            number += 1
            at = page.index(item, at)
            if number in numbers:
                changed[at : at + len(item)] = b"{}".ljust(len(item))
            at += len(item)
        pages[place] = bytes(changed)
    target.write(_RECORD_SEPARATOR.join(pages))


# Elements of XML


def _blank_elements(contract: Contract, path: Path, target: IO[bytes], numbers: set[int]) -> None:
    """Nothing within the element of each record."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, strip_cdata=False, load_dtd=False
    )
    try:
        tree = etree.parse(str(path), parser)
    except etree.XMLSyntaxError:
        raise NotRewritable("it is XML that can only be read record by record") from None
    wanted = Layout.of(contract).records_path
    elements = [tree.getroot()]
    if wanted is None:
        elements = [each for each in tree.getroot() if isinstance(each.tag, str)]
    else:
        first, *rest = wanted.strip("/").split("/")
        elements = [each for each in elements if etree.QName(each).localname == first]
        for name in rest:
            elements = [
                child
                for each in elements
                for child in each
                if isinstance(child.tag, str) and etree.QName(child).localname == name
            ]
    for number in numbers:
        if number > len(elements):
            raise NotRewritable("its records are not where they were read")
        record = elements[number - 1]
        for child in list(record):
            record.remove(child)
        record.text = None
        record.attrib.clear()
    with path.open("rb") as file:
        has_head = file.read(200).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<?xml")
    tree.write(target, encoding=tree.docinfo.encoding or "UTF-8", xml_declaration=has_head)


# Cells of workbooks


def _blank_cells(path: Path, target: IO[bytes], names: Sequence[str], is_meant: Meant) -> None:
    """One blank cell in each row of which any holds what is meant, and none of its texts among those that sheets share."""
    from lxml import etree

    with zipfile.ZipFile(path) as given:
        members = {member.filename: given.read(member) for member in given.infolist()}
        infos = given.infolist()
    shared_name = next((name for name in members if name.lower() == "xl/sharedstrings.xml"), None)
    shared = etree.fromstring(members[shared_name]) if shared_name else None
    texts = [] if shared is None else ["".join(each.itertext(f"{_TEXT}t")) for each in shared]
    gone: set[int] = set()
    used: set[int] = set()
    for name in [each for each in members if re.fullmatch(r"xl/worksheets/[^/]+\.xml", each, re.I)]:
        sheet, is_changed = etree.fromstring(members[name]), False
        for row in sheet.iter(f"{_TEXT}row"):
            cells = list(row.iter(f"{_TEXT}c"))
            places = {int(each.findtext(f"{_TEXT}v")) for each in cells if each.get("t") == "s"}
            held = (_shown(each, texts) for each in cells)
            if not any(text and is_meant(each, text) for text in held for each in names):
                used |= places
                continue
            if any(each.find(f"{_TEXT}f") is not None for each in cells):
                raise NotRewritable("formulas stand in the rows that are to go")
            gone |= places
            is_changed = True
            for each in cells[1:]:
                row.remove(each)
            _empty(cells[0])
        if is_changed:
            members[name] = _written(sheet)
    if shared is not None and shared_name and gone - used:
        for place in gone - used:
            for child in list(shared[place]):
                shared[place].remove(child)
            etree.SubElement(shared[place], f"{_TEXT}t")
        members[shared_name] = _written(shared)
    with zipfile.ZipFile(target, "w") as made:
        for info in infos:
            made.writestr(info, members[info.filename])


def _empty(cell: object) -> None:
    """A space: a row without cells at the end of a sheet is none."""
    from lxml import etree

    for child in list(cell):
        cell.remove(child)
    cell.set("t", "inlineStr")
    text = etree.SubElement(etree.SubElement(cell, f"{_TEXT}is"), f"{_TEXT}t")
    text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    text.text = " "


def _written(root: object) -> bytes:
    from lxml import etree

    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True)


def _shown(cell: object, texts: Sequence[str]) -> str:
    kind, value = cell.get("t"), cell.findtext(f"{_TEXT}v") or ""
    if kind == "s":
        value = texts[int(value)]
    elif kind == "inlineStr":
        value = "".join(cell.itertext(f"{_TEXT}t"))
    elif kind in (None, "n") and re.fullmatch(r"\d+\.0|\d+(\.\d+)?E\+?\d+", value):
        value = str(int(float(value)))
    return composed(value).strip(EDGES)
