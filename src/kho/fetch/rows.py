"""Counting the rows of a delimited export while it passes by, to compare them with its control total."""

from __future__ import annotations

import codecs

import kho.formats.encodings  # noqa: F401  (makes tcvn3 and vni known)

_LONGEST_LINE = 1 << 20


class RowCount:
    """Counts rows as a reader of CSV does: a line break between quotes ends none.

    A stray quote makes that count too low. Then lines are counted instead, so that a broken row never makes a whole
    file look cut off.
    """

    def __init__(self, encoding: str, delimiter: str, header_rows: int) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._edges = delimiter + "\r\n"
        self._header_rows = header_rows
        self._rest = ""
        self._rows = self._lines = 0
        self._is_quoted = self._has_stray_quote = False

    def add(self, chunk: bytes) -> None:
        text = self._rest + self._decoder.decode(chunk)
        end = len(text) if len(text) > _LONGEST_LINE else text.rfind("\n") + 1
        self._count(text[:end])
        self._rest = text[end:]

    def total(self) -> int:
        """Rows after the header, once every chunk was added."""
        if self._rest:
            self._count(self._rest + "\n")  # the last row may end without a line break
            self._rest = ""
        rows = self._lines if self._has_stray_quote else self._rows
        return max(0, rows - self._header_rows)

    def _count(self, lines: str) -> None:
        self._lines += lines.count("\n")
        parts = lines.split('"')
        for index, part in enumerate(parts):
            self._is_quoted ^= index > 0
            if self._is_quoted:
                continue
            self._rows += part.count("\n")
            # Between two quotes outside of a quoted cell: nothing (an escaped quote), or edge to edge.
            starts_well = index == 0 or part[:1] in self._edges
            ends_well = index == len(parts) - 1 or part[-1:] in self._edges
            if not (starts_well and ends_well):
                self._has_stray_quote = True
