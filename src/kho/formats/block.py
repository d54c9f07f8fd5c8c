"""What every format's reader gives: a header, then blocks of rows."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

import numpy as np

BLOCK_ROWS = 5_000  # of a block whose rows are read one by one


class Unreadable(Exception):
    """The file as a whole can't be read by its contract; the message is for the operator."""


class RowReject(NamedTuple):
    """A row that gives no values to judge. Its text is not kept: nobody knows where personal data stand."""

    row_number: int
    reason: str
    column: str = "row"  # the contract's header, where it is known which cell is to blame


class Wrong(NamedTuple):
    """What stands in a reader's rows for one that gives no values."""

    reason: str
    column: str = "row"


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
    hidden: int = 0  # characters that nobody sees, which were taken out of its texts
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
    folded: dict[str, str] = field(
        default_factory=dict
    )  # there: headers by what spellings of them have in common
    respelled_places: dict[str, str] = field(
        default_factory=dict
    )  # and where those stand that are spelled otherwise
    seen_columns: set[str] | None = None  # likewise: which of the header's columns occurred at all; None: all
    notes: list[str] = field(default_factory=list)  # how the file differs from its contract without harm
    header_row: int | None = None  # in which row of the file the header begins; None: it has none


#: what stands at the edges of a text and is no part of it
EDGES = " \t\n\r\f\v"
# Soft hyphen, zero-width signs, signs of direction, a byte-order mark in the middle of joined files
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+")
_SPACE = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
#: how these begin in UTF-8
_LEADS = (b"\xc2\xa0", b"\xc2\xad", b"\xe2\x80", b"\xe2\x81", b"\xe3\x80\x80", b"\xef\xbb\xbf")
_TEXT_FORMULA = re.compile(r'[ \t]*="((?:[^"]|"")*)"[ \t]*')
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def copy_text(rows: Iterable[tuple[int, Sequence[str | None]]]) -> tuple[bytes, int]:
    """Rows with their numbers in COPY's text format, and how many characters that nobody sees were taken out of them."""
    numbers, values = tuple(zip(*rows, strict=True)) or ((), ())
    return copy_columns(numbers, zip(*values, strict=True))


def copy_columns(numbers: Iterable[int], columns: Iterable[Sequence[str | None]]) -> tuple[bytes, int]:
    """The same of columns: what seldom stands in a value is looked for in all values of a column at once."""
    escaped = list(map(_escaped, columns))
    rows = zip(map(str, numbers), *(column for column, _ in escaped), strict=True)
    return "\n".join([*map("\t".join, rows), ""]).encode(), sum(hidden for _, hidden in escaped)


def _escaped(column: Sequence[str | None]) -> tuple[Sequence[str], int]:
    """The values as they are seen and COPY takes them, and how many characters were taken out of them."""
    whole, hidden = "".join(filter(None, column)), 0
    if '="' in whole:
        column = [value and as_text(value) for value in column]
        shown = "".join(filter(None, column))
        whole, hidden = shown, len(whole) - len(shown)
    if composed(whole) != whole:
        hidden += count_hidden(whole)
        column = [value and composed(value) for value in column]
    if any(sign in whole for sign in "\\\n\r\t"):
        column = [value and value.translate(_ESCAPES) for value in column]
    return ["\\N" if value is None else value for value in column] if None in column else column, hidden


def composed(text: str) -> str:
    """The text as one sees it: accents as one character (NFC), wide and narrow spaces as spaces, what nobody sees gone."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    # Bytes are found many times faster than one of many characters, and these are seldom.
    data = text.encode(errors="surrogatepass")
    if not any(lead[:1] in data and lead in data for lead in _LEADS):
        return text
    return _SPACE.sub(" ", _HIDDEN.sub("", text))


def count_hidden(text: str) -> int:
    """How many characters are in it that nobody sees."""
    return 0 if text.isascii() else sum(map(len, _HIDDEN.findall(text)))


def as_text(cell: str) -> str:
    """What `="00123"` shows: programs write codes so, for Excel to leave their zeros."""
    found = _TEXT_FORMULA.fullmatch(cell)
    return found[1].replace('""', '"') if found else cell


#: what makes texts of the values of some rows, column by column
Texts = Callable[[Sequence[Sequence[object]]], Sequence[Sequence[str | None]]]


def in_blocks(
    rows: Iterable[Sequence[object] | Wrong], width: int, texts: Texts, before: int = 0
) -> Iterator[Block]:
    """Blocks of rows that were read one by one, each as wide as the header."""
    rows, first = iter(rows), before + 1
    while some := list(islice(rows, BLOCK_ROWS)):
        count, rejects = len(some), []
        numbers: Sequence[int] = range(first, first + count)
        if Wrong in set(map(type, some)):
            told = list(zip(numbers, some, strict=True))
            rejects = [RowReject(number, *row) for number, row in told if isinstance(row, Wrong)]
            numbers = [number for number, row in told if not isinstance(row, Wrong)]
            some = [row for row in some if not isinstance(row, Wrong)]
        if some and min(map(len, some)) < width:
            some = [[*row, *[None] * (width - len(row))] for row in some]
        columns = [list(map(itemgetter(position), some)) for position in range(width)]
        copy, broken, hidden = sound(numbers, texts(columns))
        yield Block(
            first,
            count,
            copy,
            is_csv=False,
            copied_count=len(some) - len(broken),
            rejects=sorted(rejects + broken),
            hidden=hidden,
        )
        first += count


def unsound(text: str) -> str | None:
    """What is wrong with a row that has this text: characters that no text of the database has."""
    if "\0" in text:
        return "a zero character stands in the row"
    if not text.isascii() and _SURROGATE.search(text):
        return "a character stands in the row that is none"
    return None


def sound(
    numbers: Collection[int], columns: Sequence[Sequence[str | None]]
) -> tuple[bytes, list[RowReject], int]:
    """What `copy_columns` gives of the rows, and rejects for those with characters that no text has."""
    try:
        copy, hidden = copy_columns(numbers, columns)
    except UnicodeEncodeError:
        copy, hidden = b"\0", 0
    if b"\0" not in copy:
        return copy, [], hidden
    whole, rejects = [], []
    for number, values in zip(numbers, zip(*columns, strict=True), strict=True):
        if problem := unsound("".join(filter(None, values))):
            rejects.append(RowReject(number, problem))
        else:
            whole.append((number, values))
    copy, hidden = copy_text(whole)
    return copy, rejects, hidden
