"""Rows as a file of the sample's format, encoding and packing."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from html import escape
from pathlib import PurePosixPath
from typing import Any

from lxml import etree

from kho.formats.encodings import windows_1258
from kho_propose.detect import opened
from kho_propose.layout import text
from kho_propose.proposal import Proposal, Sample


def written(proposal: Proposal, sample: Sample, rows: list[tuple[list[object], bool]]) -> bytes:
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


def encoded(content: str, encoding: str) -> bytes:
    return windows_1258(content) if encoding == "windows-1258" else content.encode(encoding)


def _csv(proposal: Proposal, sample: Sample, rows: list[list[object]]) -> bytes:
    buffer = io.StringIO()
    head = opened(sample.path, sample.shape.compression)[:100_000]
    ends = "\r\n" if b"\r" in head else "\n"
    writer = csv.writer(buffer, delimiter=sample.shape.delimiter, lineterminator=ends)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return encoded(buffer.getvalue(), proposal.encoding)


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
            + "".join(
                f'<td colspan="{n}">{escape(c)}</td>' if n > 1 else f"<td>{escape(c)}</td>" for c, n in cells
            )
            + "</tr>"
        )
    body = "\n".join(lines)
    encoding = proposal.encoding
    content = f'<html><head><meta charset="{encoding}"></head><body><table border="1">\n{body}\n</table></body></html>\n'
    return encoded(content, encoding)


def _workbook(proposal: Proposal, rows: list[list[object]]) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1)})  # else the bytes tell when this ran
    formats = {
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        date: book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    sheet = book.add_worksheet(proposal.shape.sheet or "Sheet1")
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


def packed(content: bytes, name: str, compression: str | None) -> bytes:
    if compression == "gzip":
        return gzip.compress(content, mtime=0)
    if compression == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            member = zipfile.ZipInfo(PurePosixPath(name).stem, (2000, 1, 1, 0, 0, 0))
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()
    return content
