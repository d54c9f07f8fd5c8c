"""HTML tables, which many systems hand over as "Excel": read whole, so with a cap; merged cells are spread out.

A web archive (MHTML) is read as the pages in it."""

from __future__ import annotations

import email
from collections.abc import Iterator
from itertools import islice

from lxml import etree, html
from lxml.html import defs

import kho.formats.encodings  # noqa: F401  (makes tcvn3 and vni known)
from kho.contract import Contract
from kho.formats import kinds
from kho.formats.block import Block, Export, Unreadable, composed, in_blocks
from kho.formats.header import find_header
from kho.formats.part import Layout, Part

_PARTS_WORDS = (defs.block_tags - {"del", "ins"}) | {
    *("br", "article", "aside", "details", "figure", "footer", "header", "main", "nav", "section", "summary")
}
_NO_TEXT = {"script", "style", "template", "head"}
CUT_OFF = "the table has no end: the file is cut off"
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
    for row in _grid(_table(part, layout), repeat_across=True, repeat_down=True):
        yield list(map(composed, row))


def _table(part: Part, layout: Layout) -> html.HtmlElement:
    """The table with the most rows."""
    data = part.whole(layout.max_bytes)
    pages = _archived_pages(data) if kinds.is_web_archive(data) else [_page(data, layout.encoding)]
    try:
        parser = html.HTMLParser(encoding="utf-8")
        documents = [html.document_fromstring(page.encode(), parser=parser) for page in pages]
        tables = [table for document in documents for table in document.iter("table")]
        return max(tables, key=lambda each: len(each.findall(".//tr")))
    except (etree.ParserError, ValueError):
        raise Unreadable("the HTML can't be read") from None


def _page(data: bytes, encoding: str) -> str:
    page, problem = "", ""
    try:
        page = data.decode(encoding)
    except UnicodeDecodeError as error:
        problem = f"the file is not {encoding}: byte {error.start} can't be decoded"
    head = page[: kinds.HEAD_BYTES].encode() or data
    if kinds.is_spreadsheet_ml(head):
        raise Unreadable(f"the file is no HTML: it is {kinds.SPREADSHEET_ML}")
    if kinds.is_quoted_printable(head):
        raise Unreadable(
            "the HTML is quoted-printable, as mails carry it, and has lost the head that says so"
        )
    if not kinds.has_table(head):
        raise Unreadable("the file holds no HTML table")
    if problem:
        raise Unreadable(problem)
    if "</table>" not in page[-10_000:].lower():
        raise Unreadable(CUT_OFF)
    return page


def _archived_pages(data: bytes) -> list[str]:
    """The pages of a web archive that have tables: each says itself how it is packed and encoded."""
    pages = []
    for each in email.message_from_bytes(data).walk():
        if each.get_content_type() != "text/html":
            continue
        encoding = each.get_content_charset() or "utf-8"
        try:
            page = each.get_payload(decode=True).decode(encoding)
        except (UnicodeDecodeError, LookupError):
            raise Unreadable(f"a page of the web archive is not {encoding}, as it says it is") from None
        if kinds.has_table(page[: kinds.HEAD_BYTES].encode()):
            pages.append(page)
    if not pages:
        raise Unreadable("the web archive (MHTML) holds no HTML table")
    if any("</table>" not in page.lower() for page in pages):
        raise Unreadable(CUT_OFF)
    return pages


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
            text = _shown(cell)
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            for step in range(across):
                shown = text if step == 0 or repeat_across else ""
                if down > 1:
                    hanging[len(line)] = (down - 1, shown if repeat_down else "")
                line.append(shown)
        yield line


def _shown(cell: html.HtmlElement) -> str:
    """The text of a cell as a browser shows it: in words, which lines and blocks part; scripts and styles are none."""
    if not len(cell):
        return " ".join((cell.text or "").split())
    texts: list[str] = []
    _collect(cell, texts)
    return " ".join("".join(texts).split())


def _collect(element: html.HtmlElement, texts: list[str]) -> None:
    texts.append(element.text or "")
    for child in element:
        edge = " " if child.tag in _PARTS_WORDS else ""
        if isinstance(child.tag, str) and child.tag not in _NO_TEXT:
            texts.append(edge)
            _collect(child, texts)
        texts += edge, child.tail or ""


def _span(cell: html.HtmlElement, name: str) -> int:
    text = cell.get(name, "1")
    return min(int(text), MAX_SPAN) if text.isdecimal() and int(text) else 1
