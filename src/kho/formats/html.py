"""HTML tables, which many systems hand over as "Excel": read whole, so with a cap; merged cells are spread out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree, html

from kho.contract import Contract
from kho.formats.block import Block, Export, Unreadable, in_blocks
from kho.formats.header import find_header

MAX_SPAN = 1_000  # a colspan beyond this is a mistake, not a layout


def open_export(contract: Contract, path: Path) -> Export:
    cap = contract.file.max_file_megabytes * 1_000_000
    if path.stat().st_size > cap:
        raise Unreadable(f"the file is larger than {cap // 1_000_000} MB: its contract's maxFileMegabytes")
    data = path.read_bytes()
    if b"<table" not in data[:100_000].lower():
        raise Unreadable("the file holds no HTML table")
    if b"</table>" not in data[-10_000:].lower():
        raise Unreadable("the table has no end: the file is cut off")
    try:
        text = data.decode(contract.encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"the file is not {contract.encoding}: byte {error.start} can't be decoded"
        ) from None
    try:
        tables = html.document_fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8")).iter(
            "table"
        )
        table = max(tables, key=lambda each: len(each.findall(".//tr")))
    except (etree.ParserError, ValueError) as error:
        raise Unreadable(f"the HTML can't be read: {error}") from None
    head = [[cell.strip() for cell in row] for row in _grid(table, repeat_across=True, most=40)]
    first, header = find_header(contract, head)
    start = first + contract.file.header_rows
    rows = _grid(table, repeat_across=False)[start:]

    def blocks() -> Iterator[Block]:
        width = len(header)
        yield from in_blocks(
            (number, [cell.strip() or None for cell in row[:width]] + [None] * (width - len(row)))
            for number, row in enumerate(rows, 1)
        )

    return Export(header, blocks)


def _grid(table: html.HtmlElement, *, repeat_across: bool, most: int | None = None) -> list[list[str]]:
    """The table's cells by row and column; a merged cell is repeated downwards, and across where headers need it."""
    grid: list[list[str]] = []
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
                    hanging[len(line)] = (down - 1, shown)
                line.append(shown)
        grid.append(line)
        if most and len(grid) == most:
            break
    return grid


def _span(cell: html.HtmlElement, name: str) -> int:
    text = cell.get(name, "1")
    return min(int(text), MAX_SPAN) if text.isdigit() and int(text) else 1
