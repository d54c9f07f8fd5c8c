"""CSV and TSV of any size and encoding.

Whole blocks go to the server as they are: their records are found by counting quotes, delimiters and line ends in one
vectorised look. A block in which anything is odd (a ragged row, a stray quote, a broken character) is read record by
record instead, so that a bad row becomes a reject and never takes its neighbours along.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np

from kho.contract import Contract
from kho.formats.block import (
    Block,
    Export,
    RowReject,
    Unreadable,
    as_text,
    composed,
    copy_text,
    count_hidden,
)
from kho.formats.encodings import composed_windows_1258  # which makes tcvn3 and vni known, too
from kho.formats.header import expect_header
from kho.formats.part import Layout, Part

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 4_000  # in which text of two bytes a character has a delimiter or a Latin letter
HEADER_WITHIN = 30  # records
MAX_RECORD_LINES = 200  # a quoted field that runs on for longer is a stray quote
MAX_RECORD_BYTES = 1 << 18
MAX_LINE_BYTES = 1 << 24  # beyond this a file has no lines
MAX_PLAIN_BYTES = 1 << 16  # that are split at once
MAX_ODD_RECORDS = 10_000  # of a block that is read record by record
MANY_BLANK = 1_000  # lines
#: how characters begin that are folded: combining marks, spaces, signs that nobody sees
_LEADS = (
    b"\xcc",
    b"\xcd",
    b"\xc2\xa0",
    b"\xc2\xad",
    b"\xe2\x80",
    b"\xe2\x81",
    b"\xe3\x80\x80",
    b"\xef\xbb\xbf",
)
_BLANK = re.compile(rb"[\r\n]*\n")

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_WIDE = {"utf-16-le": "<u2", "utf-16-be": ">u2"}


def open_export(contract: Contract, part: Part, layout: Layout) -> Export:
    reader = _Reader(part, layout)
    header_row, header = reader.header(contract)

    def blocks(before: int = 0) -> Iterator[Block]:
        reader.row_number, reader.width = before, len(header)
        yield from reader.blocks()

    return Export(header, blocks, layout.delimiter, header_row=header_row)


def look(part: Part, layout: Layout) -> Iterator[list[object]]:
    """The records as they are, ragged ones too; one that can't be split or decoded is left out."""
    reader = _Reader(part, layout)
    while not reader.is_at_end:
        reader.fill()
        used = 0
        for size, fields in reader.records(reader.buffer):
            used += size
            if not isinstance(fields, str):
                yield [composed(field) for field in fields]
        reader.buffer = reader.buffer[used:]
        reader.position += used


def _codec(encoding: str, head: bytes) -> tuple[str, int]:
    """The codec and the offset of the first character; a byte-order mark of another encoding is refused."""
    declared = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding.lower(), encoding.lower())
    declared = {"windows-1258": "cp1258"}.get(declared, declared)
    for mark, codec in _MARKS.items():
        if head.startswith(mark):
            if codec.split("-")[:2] != declared.split("-")[:2]:
                raise Unreadable(f"the file starts with the mark of {codec}, its contract says {encoding}")
            return codec, len(mark)
    if declared in _WIDE:
        zeros = np.flatnonzero(np.frombuffer(head, np.uint8) == 0)
        if not len(zeros):
            raise Unreadable(f"the file is no {encoding}: its first characters take one byte each")
        is_big = (zeros % 2 == 0).sum() * 2 > len(zeros)
        return ("utf-16-be" if is_big else "utf-16-le") if encoding.lower() == "utf-16" else declared, 0
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")) or b"\0" in head[:4]:
        raise Unreadable("the file is binary (a workbook, an archive?), its contract says text")
    return declared, 0


class _Reader:
    def __init__(self, part: Part, layout: Layout):
        self.stream, self.delimiter, self.width = part.stream, layout.delimiter, 0
        head = self.stream.read(HEAD_BYTES)
        # `position` is the byte offset of the buffer's first byte.
        self.codec, self.position = _codec(layout.encoding, head)
        self.buffer = head[self.position :]
        self.wide = _WIDE.get(self.codec)
        self.unit = 2 if self.wide else 1
        self.is_at_end = False
        self.row_number = 0

    def fill(self) -> None:
        chunk = self.stream.read(BLOCK_BYTES)
        self.is_at_end = not self.stream.peek(1)  # a file may end with a block
        self.buffer += chunk
        if len(self.buffer) > MAX_LINE_BYTES:
            raise Unreadable(f"the line at byte {self.position} is longer than {MAX_LINE_BYTES} bytes")

    def header(self, contract: Contract) -> tuple[int, list[str]]:
        """The first record that is the contract's header, and which of all it is; the buffer then begins behind it.

        Title rows may stand before it. Without any such record the first that is not blank is told.
        """
        self.fill()
        problem: Unreadable | None = None
        for number, (size, fields) in enumerate(islice(self.records(self.buffer), HEADER_WITHIN), 1):
            self.buffer = self.buffer[size:]
            self.position += size
            if isinstance(fields, str):
                problem = problem or Unreadable(f"the header can't be read: {fields}")
                continue
            labels = [composed(as_text(field)).strip() for field in fields]
            try:
                expect_header(contract, labels)
            except Unreadable as no_header:
                problem = problem or (no_header if any(labels) else None)
            else:
                return number, labels
        raise problem or Unreadable("the file holds no header")

    def blocks(self) -> Iterator[Block]:
        needs_more = True
        while not self.is_at_end or self.buffer:
            if not self.is_at_end and (needs_more or len(self.buffer) < BLOCK_BYTES):
                self.fill()
            if not self.buffer:
                return
            block = self.blank_block() or self.whole_block() or self.odd_block()
            needs_more = block is None
            if block is not None:
                self.row_number += block.row_count
                yield block

    def blank_block(self) -> Block | None:
        """The many blank lines that the buffer begins with, or None: a small packed file holds them by the million."""
        found = None if self.wide else _BLANK.match(self.buffer)
        if not found:
            return None
        lines = found[0]
        count = lines.count(b"\n")
        if count < MANY_BLANK or lines.count(b"\r") != lines.count(b"\r\n"):
            return None
        self.buffer = self.buffer[len(lines) :]
        self.position += len(lines)
        return Block(self.row_number + 1, count, b"", is_csv=False, skipped=Counter({"blank row": count}))

    def whole_block(self) -> Block | None:
        """The buffer's records as one piece of CSV, or None when anything in them is odd."""
        data = self.buffer
        if self.is_at_end and not data.endswith("\n".encode(self.codec)):
            return None
        cells = np.frombuffer(data, dtype=self.wide or np.uint8, count=len(data) // self.unit)
        ends = np.flatnonzero(cells == 10)
        quotes = np.flatnonzero(cells == 34)
        delimiters = np.flatnonzero(cells == ord(self.delimiter))
        if len(quotes):
            if not _quotes_stand_at_borders(cells, quotes, ord(self.delimiter)):
                return None
            ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
            before = np.searchsorted(delimiters, quotes)
            # Few quotes stand around a delimiter, and there are many of those to look at.
            if len(quotes) % 2 or (before[0::2] != before[1::2]).any():
                delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
        if not len(ends) or (self.is_at_end and ends[-1] + 1 != len(cells)):
            return None
        per_record = np.diff(np.searchsorted(delimiters, ends), prepend=0)
        if (per_record != self.width - 1).any():
            return None
        used = (int(ends[-1]) + 1) * self.unit
        copied = self.as_copy(data[:used])
        if copied is None:
            return None
        copy, hidden = copied
        if self.has_text_formula(copy):
            return None
        offsets = np.empty(len(ends), dtype=np.int64)
        offsets[0] = self.position
        offsets[1:] = self.position + (ends[:-1].astype(np.int64) + 1) * self.unit
        self.buffer = data[used:]
        self.position += used
        return Block(
            self.row_number + 1,
            len(ends),
            copy,
            is_csv=True,
            offsets=offsets,
            copied_count=len(ends),
            hidden=hidden,
        )

    def has_text_formula(self, copy: bytes) -> bool:
        """Whether a field may be written as `="00123"`, whose quotes are doubled within quotes."""
        if b"=" not in copy or b'="' not in copy:
            return False
        return re.search(rb'(?:^|%b)"?[ \t]*="' % re.escape(self.delimiter.encode()), copy, re.M) is not None

    def as_copy(self, data: bytes) -> tuple[bytes, int] | None:
        """The bytes as UTF-8 with plain line ends, and how many characters were hidden in them; None where COPY could misread
        them."""
        hidden = 0
        if self.codec == "utf-8":
            if not _is_utf8(data):
                return None
            # Only these bytes start what `composed` changes: the costly look is spared where there is none.
            # One byte is found many times faster than two or three.
            if any(lead[:1] in data and lead in data for lead in _LEADS):
                text = data.decode()
                data, hidden = composed(text).encode(), count_hidden(text)
        else:
            try:
                if self.codec == "cp1258":
                    data, hidden = composed_windows_1258(data).encode(), data.count(b"\xad")
                else:
                    text = data.decode(self.codec)
                    data, hidden = composed(text).encode(), count_hidden(text)
            except UnicodeDecodeError:
                return None
        if b"\r" in data:
            # To look for pairs takes four times as long as for single bytes.
            cells = np.frombuffer(data, np.uint8)
            if (cells[np.flatnonzero(cells == 13) + 1] != 10).any():
                return None
            data = data.replace(b"\r", b"")
        if b"\0" in data or (b"\\" in data and (b"\n\\." in data or data.startswith(b"\\."))):
            return None
        return data, hidden

    def odd_block(self) -> Block | None:
        """The buffer's records one by one: whole ones are copied, the others rejected, blank ones skipped."""
        first, number, used = self.row_number + 1, self.row_number, 0
        offsets: list[int] = []
        rows: list[tuple[int, list[str | None]]] = []
        rejects: list[RowReject] = []
        skipped: Counter[str] = Counter()
        ragged: dict[int, str] = {}
        for size, fields in islice(self.records(self.buffer), MAX_ODD_RECORDS):
            number += 1
            offsets.append(self.position + used)
            used += size
            if isinstance(fields, str):
                rejects.append(RowReject(number, fields))
            elif len(fields) == self.width:
                rows.append((number, [field or None for field in fields]))
            elif not any(map(str.strip, fields)):
                skipped["blank row"] += 1
            else:
                reason = ragged.get(len(fields))
                if reason is None:
                    reason = f"ragged row: {len(fields)} columns instead of {self.width}"
                    ragged[len(fields)] = reason
                if self.is_at_end and used == len(self.buffer):
                    reason += " (the last of the file: is it cut off?)"
                rejects.append(RowReject(number, reason))
        if not offsets:
            return None
        self.buffer = self.buffer[used:]
        self.position += used
        copy, hidden = copy_text(rows)
        return Block(
            first,
            len(offsets),
            copy,
            is_csv=False,
            offsets=np.array(offsets, dtype=np.int64),
            copied_count=len(rows),
            rejects=rejects,
            hidden=hidden,
            skipped=skipped,
        )

    def records(self, data: bytes) -> Iterator[tuple[int, list[str] | str]]:
        """Size in bytes and fields (or what is wrong) of each record that is whole in `data`."""
        at = 0
        while at < len(data):
            for size, fields in self.plain_records(data, at):
                yield size, fields
                at += size
            if at == len(data):
                return
            size, fields = self.record(data, at)
            if size == 0:
                return
            yield size, fields
            at += size

    def plain_records(self, data: bytes, start: int) -> Iterator[tuple[int, list[str] | str]]:
        """The records of the next lines, up to the first that could be anything but texts between delimiters."""
        edge = 0 if self.wide else min(len(data), start + MAX_PLAIN_BYTES)
        quote = data.find(b'"', start, edge)
        edge = edge if quote == -1 else quote
        while (end := data.find(b"\n", start, edge)) != -1:
            line = data[start : end - 1] if data[end - 1 : end] == b"\r" and end > start else data[start:end]
            if b"\r" in line or b"\0" in line:
                return
            try:
                text = line.decode(self.codec)
            except UnicodeDecodeError:
                return
            yield end + 1 - start, text.split(self.delimiter) if text else []
            start = end + 1

    def record(self, data: bytes, start: int) -> tuple[int, list[str] | str]:
        """The record at `start`; size 0 when `data` ends within it and the file goes on."""
        first_end = end = self.line_after(data, start)
        if end == 0:
            return 0, ""
        quotes, counted = 0, start
        for _ in range(MAX_RECORD_LINES):
            quotes += data.count(b'"', counted, end)
            counted = end
            # With an odd number of quotes one is open, whatever the rest is: no need to read all of it again.
            if end == first_end or quotes % 2 == 0 or self.wide:
                # A character that can't be decoded must not hide where the row ends.
                # Nor a mark of joined files where its first field begins.
                text = data[start:end].decode(self.codec, errors="replace").lstrip("\ufeff")
                try:
                    fields = next(csv.reader([text], delimiter=self.delimiter, strict=True), [])
                except csv.Error as error:
                    if "unexpected end" not in str(error):
                        return (
                            first_end - start,
                            _csv_problem(error) if end == first_end else "unbalanced quote",
                        )
                else:
                    if end != first_end and len(fields) != self.width and self.is_row(data, first_end):
                        return first_end - start, "unbalanced quote"
                    return end - start, self.damage(data[start:end]) or fields
            # Within an open quote: on to the line where the next quote stands.
            quote = self.find('"', data, end)
            end = self.line_after(data, quote) if quote != -1 else 0
            if end == 0:
                may_go_on = not self.is_at_end and len(data) - start < MAX_RECORD_BYTES
                return (0, "") if may_go_on else (first_end - start, "unbalanced quote")
        return first_end - start, "unbalanced quote"

    def is_row(self, data: bytes, start: int) -> bool:
        """Whether the line at `start` is a whole row by itself: then no quote was meant to run on to it."""
        text = data[start : self.line_after(data, start)].decode(self.codec, errors="replace")
        try:
            return len(next(csv.reader([text], delimiter=self.delimiter, strict=True), [])) == self.width
        except csv.Error:
            return False

    def damage(self, record: bytes) -> str | None:
        """What is wrong with a record's characters, if anything is."""
        try:
            text = record.decode(self.codec)
        except UnicodeDecodeError:
            return f"a character is not {self.codec}"
        return "a zero character stands in the row" if "\0" in text else None

    def line_after(self, data: bytes, start: int) -> int:
        """Offset behind the line end that follows `start`; 0 when there is none yet."""
        end = self.find("\n", data, start)
        if end != -1:
            return end + self.unit
        return len(data) if self.is_at_end else 0

    def find(self, character: str, data: bytes, start: int) -> int:
        """Offset of the next `character`, aligned to the encoding's unit; -1 when there is none."""
        sought = character.encode(self.codec)
        at = data.find(sought, start)
        while at != -1 and (at - start) % self.unit:
            at = data.find(sought, at + 1)
        return at


def _is_utf8(data: bytes) -> bool:
    """Told in a tenth of what it takes to decode it."""
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _csv_problem(error: csv.Error) -> str:
    return "a line break stands outside quotes" if "new-line" in str(error) else f"not CSV: {error}"


def _quotes_stand_at_borders(cells: np.ndarray, quotes: np.ndarray, delimiter: int) -> bool:
    """Whether each quote opens behind a border or closes before one (doubled quotes do both)."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = cells[np.maximum(opening - 1, 0)]
    opens = (opening == 0) | (before == delimiter) | (before == 10) | (before == 34)
    after = cells[np.minimum(closing + 1, len(cells) - 1)]
    closes = (
        (closing + 1 >= len(cells)) | (after == delimiter) | (after == 10) | (after == 13) | (after == 34)
    )
    return bool(opens.all() and closes.all())
