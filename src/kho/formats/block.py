"""What every format's reader gives: a header, then blocks of rows."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np


class Unreadable(Exception):
    """The file as a whole can't be read by its contract; the message is for the operator."""


class RowReject(NamedTuple):
    """A row that could not even be split into columns. Its text is not kept: nobody knows where personal data stand."""

    row_number: int
    reason: str


@dataclass
class Block:
    """Some rows of a file, in order.

    `copy` holds the rows in the server's COPY format: as CSV in the file's own columns when `row_numbers` is None
    (then they are consecutive from `first_row`), else as COPY text with the row number in front.
    """

    first_row: int
    row_count: int
    copy: bytes
    is_csv: bool
    #: byte offset of every row of the block, rejected and skipped ones too; None where no row of it is kept
    offsets: np.ndarray | None = None
    copied_count: int = 0
    rejects: list[RowReject] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass
class Export:
    """An opened export: the header as the file spells it, and its rows, which can be read once.

    `blocks` takes the number of rows before them.
    """

    header: list[str]
    blocks: Callable[..., Iterator[Block]]
    delimiter: str = ","
    # Filled while reading where rows name their columns: values of those that the contract lacks, and where each stands
    unknown_columns: Counter[str] = field(default_factory=Counter)
    unknown_places: dict[str, str] = field(default_factory=dict)
    seen_columns: set[str] | None = None  # likewise: which of the header's columns occurred at all; None: all
    notes: list[str] = field(default_factory=list)  # how the file differs from its contract without harm
    header_row: int | None = None  # in which row of the file the header begins; None: it has none


_SURROGATE = re.compile("[\ud800-\udfff]")
_TO_ESCAPE = re.compile(r"[\\\n\r\t]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def copy_text(rows: Iterable[tuple[int, Sequence[str | None]]]) -> bytes:
    """Rows with their numbers in COPY's text format; accents are composed (NFC)."""
    return "".join(
        f"{number}\t" + "\t".join("\\N" if value is None else _escaped(value) for value in values) + "\n"
        for number, values in rows
    ).encode()


def _escaped(value: str) -> str:
    text = value if value.isascii() else composed(value)
    return text.translate(_ESCAPES) if _TO_ESCAPE.search(text) else text


def composed(text: str) -> str:
    """Accents as one character (NFC), no-break spaces as spaces, zero-width ones gone."""
    return unicodedata.normalize("NFC", text).replace("\u00a0", " ").replace("\u200b", "")


#: a row with its number; a text instead of its cells says what is wrong with it
Row = tuple[int, Sequence[str | None] | str]


def in_blocks(rows: Iterable[Row], size: int = 5_000) -> Iterator[Block]:
    """Blocks of rows that were read one by one."""
    rows = iter(rows)
    while some := list(islice(rows, size)):
        whole, rejects = sound(some)
        yield Block(
            some[0][0], len(some), copy_text(whole), is_csv=False, copied_count=len(whole), rejects=rejects
        )


def unsound(text: str) -> str | None:
    """What is wrong with a row that has this text: characters that no text of the database has."""
    if "\0" in text:
        return "a zero character stands in the row"
    if not text.isascii() and _SURROGATE.search(text):
        return "a character stands in the row that is none"
    return None


def sound(rows: Iterable[Row]) -> tuple[list[tuple[int, Sequence[str | None]]], list[RowReject]]:
    """The rows that can be copied, and rejects for the others: also those with characters that no text has."""
    whole, rejects = [], []
    for number, values in rows:
        if isinstance(values, str):
            rejects.append(RowReject(number, values))
            continue
        if problem := unsound("".join(filter(None, values))):
            rejects.append(RowReject(number, problem))
        else:
            whole.append((number, values))
    return whole, rejects
