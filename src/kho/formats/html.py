"""HTML tables, which many systems hand over as "Excel": read whole, so with a cap; merged cells are spread out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from lxml import etree, html

import kho.formats.encodings  # noqa: F401  (makes tcvn3 and vni known)
from kho.contract import Contract
from kho.formats.block import Block, Export, Unreadable, in_blocks
from kho.formats.header import find_header
from kho.formats.part import Layout, Part

MAX_SPAN = 1_000  # a colspan beyond this is a mistake, not a layout


def open_export(contract: Contract, part: Part, layout: Layout) -> Export:
    table = _table(part, layout)
    repeats = layout.repeats_merged_cells
    head = [
        [cell.strip() for cell in row]
        for row in islice(_grid(table, repeat_across=True, repeat_down=repeats), 40)
    ]
    first, header = find_header(contract, head)
    start = first + contract.file.header_rows

    def blocks(before: int = 0) -> Iterator[Block]:
        rows = islice(_grid(table, repeat_across=False, repeat_down=repeats), start, None)
        cells = ([cell.strip() or None for cell in row] for row in rows)
        yield from in_blocks(cells, len(header), list, before)

    return Export(header, blocks, header_row=first + 1)


def look(part: Part, layout: Layout) -> Iterator[list[object]]:
    """The rows of the largest table; merged cells are repeated."""
    yield from _grid(_table(part, layout), repeat_across=True, repeat_down=True)


def _table(part: Part, layout: Layout) -> html.HtmlElement:
    """The table with the most rows."""
    data = part.whole(layout.max_bytes)
    if b"<table" not in data[:100_000].lower():
        raise Unreadable("the file holds no HTML table")
    if b"</table>" not in data[-10_000:].lower():
        raise Unreadable("the table has no end: the file is cut off")
    try:
        text = data.decode(layout.encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"the file is not {layout.encoding}: byte {error.start} can't be decoded") from None
    try:
        tables = html.document_fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8")).iter(
            "table"
        )
        return max(tables, key=lambda each: len(each.findall(".//tr")))
    except (etree.ParserError, ValueError):
        raise Unreadable("the HTML can't be read") from None


def _grid(table: html.HtmlElement, *, repeat_across: bool, repeat_down: bool) -> Iterator[list[str]]:
    """The table's cells by row and column; a merged cell is repeated downwards where the contract says so, and across where
    headers need it."""
    hanging: dict[int, tuple[int, str]] = {}  # column -> rows left and text of a cell that spans rows
    for row in table.iter("tr"):
        line: list[str] = []
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        while cells or any(column >= len(line) for column in hanging):
            column = len(line)
            if column in hanging:
                left, text = hanging.pop(column)
                line.append(text)
                if left > 1:
                    hanging[column] = (left - 1, text)
                continue
            if not cells:
                line.append("")
                continue
            cell = cells.pop(0)
            text = " ".join(cell.text_content().split())
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            for step in range(across):
                shown = text if step == 0 or repeat_across else ""
                if down > 1:
                    hanging[len(line)] = (down - 1, shown if repeat_down else "")
                line.append(shown)
        yield line


def _span(cell: html.HtmlElement, name: str) -> int:
    text = cell.get(name, "1")
    return min(int(text), MAX_SPAN) if text.isdecimal() and int(text) else 1
