"""A fixture of a sample: its first rows in the same format and encoding, with made-up people in place of real ones."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from pathlib import PurePosixPath
from random import Random
from typing import Any

from lxml import etree

from kho import people
from kho.formats.encodings import windows_1258
from kho.formats.header import fold
from kho.propose import personal, types
from kho.propose.detect import opened
from kho.propose.layout import text
from kho.propose.proposal import Column, Proposal, Sample

MOST_ROWS = 20
# Shorter values of a personal column stand elsewhere by chance: in a cell as a whole, or within one.
_LEAST_LETTERS, _LEAST_WITHIN = 4, 6


@dataclass(frozen=True)
class Fixture:
    """A file's name and bytes; `problem` says why there is none."""

    name: str
    content: bytes | None
    problem: str | None = None


def make(proposal: Proposal) -> Fixture:
    """The fixture of the first sample that has rows."""
    sample = next(each for each in proposal.samples if each.layout.data)
    name = _name(proposal, sample)
    if proposal.shape.format in ("xls", "ods"):
        return Fixture(name, None, f"Kho can read {proposal.shape.format}, not write it: cut a sample down by hand")
    places = _places(proposal, sample)
    rows = _rows(proposal, sample, places)
    if not any(is_data for _, is_data in rows):
        return Fixture(name, None, "every row of the sample has personal data in columns that are not personal, or is odd")
    content = _written(proposal, sample, rows)
    return Fixture(name, _packed(content, name, proposal.shape.compression))


def _name(proposal: Proposal, sample: Sample) -> str:
    name = sample.path.name
    if not proposal.file_dates:
        stem, dot, ending = name.partition(".")
        made = datetime.fromtimestamp(sample.path.stat().st_mtime).date()
        name = f"{stem}_{made:%Y%m%d}{dot}{ending}"
    return name


def _places(proposal: Proposal, sample: Sample) -> dict[int, Column]:
    """The column of each place in the file's rows."""
    left = list(proposal.columns)
    found: dict[int, Column] = {}
    for same in (str.__eq__, lambda a, b: fold(a) == fold(b)):
        for place, label in enumerate(sample.layout.header):
            hit = next((column for column in left if place not in found and label and same(column.header, label)), None)
            if hit:
                found[place] = hit
                left.remove(hit)
    return found


def _rows(proposal: Proposal, sample: Sample, places: dict[int, Column]) -> list[tuple[list[object], bool]]:
    """Titles, header, then rows that load, and one of each kind that is no data; whether each is a row of data."""
    layout, secret = sample.layout, _Secrets(proposal)
    titles = [
        [f"Title {n + 1}" if text(cell) else cell for cell in sample.rows[n]] for n in range(layout.first)
    ]
    header = sample.rows[layout.first : layout.first + layout.header_rows]
    if not layout.header_rows or proposal.shape.format in ("json", "jsonl", "xml", "parquet"):
        titles, header = [], sample.rows[:1]
    chosen: list[tuple[list[object], bool]] = [(list(row), False) for row in [*titles, *header]]
    seen: set[tuple[str, ...]] = set()
    shown: set[tuple[str, str]] = set()
    data = set(layout.data)
    left = MOST_ROWS
    for n in range(layout.first + layout.header_rows, len(sample.rows)):
        row = list(sample.rows[n])
        if n in data and left:
            key = tuple(text(row[place]) for place, column in places.items() if column.key_position)
            if key in seen or not _loads(proposal, row, places) or secret.is_in(row, places):
                continue
            seen.add(key)
            left -= 1
            chosen.append((secret.replaced(row, places), True))
        elif n in layout.skipped and (kind := _kind(row, proposal, places)) and kind not in shown:
            if not secret.is_in(row, {}) and (left or n > max(data)):
                shown.add(kind)
                chosen.append((row, False))
    return chosen


def _kind(row: Sequence[object], proposal: Proposal, places: dict[int, Column]) -> tuple[str, str] | None:
    for name, pattern, _ in proposal.skips:
        place = next((place for place, column in places.items() if column.name == name), None)
        if place is not None and place < len(row) and re.search(pattern, text(row[place])):
            return name, pattern
    return None


def _loads(proposal: Proposal, row: Sequence[object], places: dict[int, Column]) -> bool:
    nulls = proposal.conventions.null_texts
    for place, column in places.items():
        cell = row[place] if place < len(row) else None
        shown = text(cell)
        if not shown or shown in nulls:
            if column.is_required:
                return False
            continue
        if column.enum and shown not in column.enum:
            return False
        if isinstance(cell, str) and not types.fits(
            shown, column.typed, proposal.date_format, proposal.timestamp_format, proposal.numbers
        ):
            return False
    return all(column in places.values() for column in proposal.columns if column.is_required)


class _Secrets:
    """What people are in the sample, and who stands in for them."""

    def __init__(self, proposal: Proposal):
        self.proposal = proposal
        self.known = {
            folded
            for column in proposal.columns
            if column.personal and column.personal.kind not in ("birth", "text")
            for value in column.values
            if len(folded := fold(text(value))) >= _LEAST_LETTERS
        }
        self.lengths = {length for length in map(len, self.known) if length >= _LEAST_WITHIN}

    def is_in(self, row: Sequence[object], places: dict[int, Column]) -> bool:
        """Whether a cell outside of the personal columns holds somebody, or looks as if it did."""
        for place, cell in enumerate(row):
            column = places.get(place)
            if (column and column.personal) or cell is None or isinstance(cell, date | bool):
                continue
            shown = text(cell)
            if self.has_known(fold(shown)):
                return True
            if isinstance(cell, str) and " " in shown and personal.traces(shown):
                return True
        return False

    def has_known(self, folded: str) -> bool:
        return folded in self.known or any(
            folded[start : start + length] in self.known
            for length in self.lengths
            for start in range(len(folded) - length + 1)
        )

    def replaced(self, row: list[object], places: dict[int, Column]) -> list[object]:
        return [
            self.stand_in(cell, column.personal.kind)
            if (column := places.get(place)) and column.personal and text(cell) not in ("", *self.nulls())
            else cell
            if column
            else None  # what no header names is not taken along
            for place, cell in enumerate(row)
        ]

    def nulls(self) -> tuple[str, ...]:
        return self.proposal.conventions.null_texts

    def stand_in(self, cell: object, kind: personal.Kind) -> object:
        """Somebody of the same shape; the same one for the same value."""
        shown = text(cell)
        rng = Random(f"{kind} {shown}")
        if isinstance(cell, datetime | date):
            return cell - timedelta(days=rng.randint(1000, 5000))
        if not isinstance(cell, str):
            return type(cell)(int(_digits(str(int(cell)), people.identity_number(rng))))  # type: ignore[call-overload]
        match kind:
            case "name":
                made = people.name(rng)
                made = made.upper() if shown.isupper() else made
            case "phone":
                made = _digits(shown, people.phone(rng))
            case "identity":
                made = _digits(shown, people.identity_number(rng))
            case "email":
                made = f"{fold(people.name(rng))}{rng.randint(1, 99)}@example.com"
            case "address":
                made = people.address(rng)
            case "birth":
                made = re.sub(r"\d", "", shown) and self.birth(shown, rng)
            case "text":
                made = "Made-up text" if shown.isascii() else "Nội dung minh họa"
        return self.encodable(made or "0000")

    def birth(self, shown: str, rng: Random) -> str:
        day = date(1950, 1, 1) + timedelta(days=rng.randint(0, 20_000))
        for pattern in ("%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d"):
            try:
                datetime.strptime(shown, pattern)
            except ValueError:
                continue
            return day.strftime(pattern)
        return str(day.year)

    def encodable(self, made: str) -> str:
        try:
            _encoded(made, self.proposal.encoding)
        except UnicodeEncodeError:
            bare = unicodedata.normalize("NFD", made.replace("đ", "d").replace("Đ", "D"))
            return "".join(letter for letter in bare if letter.isascii())
        return made


def _digits(shown: str, made: str) -> str:
    """The made-up digits in the places of the real ones."""
    supply = iter(made * (len(shown) // len(made) + 1))
    digits = [next(supply) if each.isdigit() else each for each in shown]
    return "".join(digits) if any(each.isdigit() for each in digits) else made


def _written(proposal: Proposal, sample: Sample, rows: list[tuple[list[object], bool]]) -> bytes:
    cells = [row for row, _ in rows]
    match proposal.shape.format:
        case "csv":
            return _csv(proposal, sample, cells)
        case "html":
            return _html(proposal, rows)
        case "xlsx":
            return _workbook(proposal, cells)
        case "parquet":
            return _parquet(proposal, sample, cells)
        case "xml":
            return _xml(proposal, cells)
        case _:
            return _json(proposal, cells)


def _encoded(content: str, encoding: str) -> bytes:
    return windows_1258(content) if encoding == "windows-1258" else content.encode(encoding)


def _csv(proposal: Proposal, sample: Sample, rows: list[list[object]]) -> bytes:
    buffer = io.StringIO()
    head = opened(sample.path, sample.shape.compression)[:100_000]
    ends = "\r\n" if b"\r" in head else "\n"
    writer = csv.writer(buffer, delimiter=sample.shape.delimiter, lineterminator=ends)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return _encoded(buffer.getvalue(), proposal.encoding)


def _html(proposal: Proposal, rows: list[tuple[list[object], bool]]) -> bytes:
    """A table in which neighbours that are alike are one merged cell again, in rows that are no data."""
    lines = []
    for row, is_data in rows:
        cells: list[tuple[str, int]] = []
        for cell in map(text, row):
            if cells and not is_data and cell and cells[-1][0] == cell:
                cells[-1] = (cell, cells[-1][1] + 1)
            else:
                cells.append((cell, 1))
        lines.append(
            "<tr>"
            + "".join(f'<td colspan="{n}">{escape(c)}</td>' if n > 1 else f"<td>{escape(c)}</td>" for c, n in cells)
            + "</tr>"
        )
    body = "\n".join(lines)
    encoding = proposal.encoding
    content = f'<html><head><meta charset="{encoding}"></head><body><table border="1">\n{body}\n</table></body></html>\n'
    return _encoded(content, encoding)


def _workbook(proposal: Proposal, rows: list[list[object]]) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1)})  # else the bytes tell when this ran
    formats = {
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        date: book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    sheet = book.add_worksheet(proposal.shape.sheet or next(iter(proposal.shape.sheets), "Sheet1"))
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            match cell:
                case None | "":
                    continue
                case bool():
                    sheet.write_boolean(y, x, cell)
                case datetime():
                    sheet.write_datetime(y, x, cell, formats[datetime])
                case date():
                    sheet.write_datetime(y, x, datetime.combine(cell, datetime.min.time()), formats[date])
                case int() | float():
                    sheet.write_number(y, x, cell)
                case _:
                    sheet.write_string(y, x, str(cell))
    book.close()
    return buffer.getvalue()


def _parquet(proposal: Proposal, sample: Sample, rows: list[list[object]]) -> bytes:
    import pyarrow as arrow
    from pyarrow import parquet

    schema = parquet.read_schema(io.BytesIO(opened(sample.path, sample.shape.compression)))
    header = [str(cell) for cell in rows[0]]
    fields = [schema.field(name) for name in header if name in schema.names]
    columns = [
        arrow.array([row[header.index(each.name)] for row in rows[1:]], type=each.type) for each in fields
    ]
    buffer = io.BytesIO()
    parquet.write_table(arrow.Table.from_arrays(columns, schema=arrow.schema(fields)), buffer)
    return buffer.getvalue()


def _records(rows: list[list[object]]) -> Iterator[dict[str, object]]:
    header = [str(cell) for cell in rows[0]]
    for row in rows[1:]:
        yield {name: cell for name, cell in zip(header, row, strict=False) if cell is not None}


def _nested(record: dict[str, object], separator: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path, value in record.items():
        *above, last = path.split(separator)
        place = made
        for step in above:
            place = place.setdefault(step, {})
        place[last] = value
    return made


def _json(proposal: Proposal, rows: list[list[object]]) -> bytes:
    records = [_nested(record, ".") for record in _records(rows)]
    if proposal.shape.format == "jsonl":
        return "".join(f"{_dumped(record)}\n" for record in records).encode()
    document: object = records
    for step in reversed(proposal.shape.records_path.split(".") if proposal.shape.records_path else []):
        document = {step: document}
    return f"{json.dumps(document, ensure_ascii=False, indent=1, default=str)}\n".encode()


def _dumped(record: object) -> str:
    return json.dumps(record, ensure_ascii=False, default=str)


def _xml(proposal: Proposal, rows: list[list[object]]) -> bytes:
    steps = (proposal.shape.records_path or "root/record").split("/")
    records = [_nested(record, "/") for record in _records(rows)]
    root = place = etree.Element(steps[0])
    if len(steps) == 1:
        _fill(root, records[0])
    else:
        for step in steps[1:-1]:
            place = etree.SubElement(place, step)
        for record in records:
            _fill(etree.SubElement(place, steps[-1]), record)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _fill(element: etree._Element, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name.startswith("@"):
            element.set(name[1:], text(value))
        elif name == ".":
            element.text = text(value)
        elif isinstance(value, dict):
            _fill(etree.SubElement(element, name), value)
        else:
            etree.SubElement(element, name).text = text(value)


def _packed(content: bytes, name: str, compression: str | None) -> bytes:
    if compression == "gzip":
        return gzip.compress(content, mtime=0)
    if compression == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            member = zipfile.ZipInfo(PurePosixPath(name).stem, (2000, 1, 1, 0, 0, 0))
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()
    return content
