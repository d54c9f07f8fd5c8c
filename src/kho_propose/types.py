"""Types of columns, and how a file writes dates, times and numbers. What two readings explain alike is left open."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeVar

from kho.formats.header import fold
from kho_propose import moments, numbers
from kho_propose.layout import text

T = TypeVar("T")

#: a column keeps its type when no more of its values are odd: those would be rejects
TOLERATED = 0.02
_FEW = 50  # below so many values none may be odd

NULLS = ("EMPTY", "NULL", "null", "N/A", "n/a", "#N/A", "NaN", "nan", "None", "\\N", "-", "--")
BOOLEANS = (
    ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("có", "không"), ("đúng", "sai"), ("x", ""), ("✓", ""),
)  # fmt: skip

# What a header begins with, or begins or ends with, that speaks of a code.
_CODE_STARTS = (
    "ma", "so hieu", "ky hieu", "kenh", "trang thai", "loai", "hinh thuc", "muc do", "nhom", "cmnd", "cccd", "mst", "sdt",
    "dien thoai", "so dien thoai", "so giay to", "so van ban", "so vao so",
)  # fmt: skip
_CODE_ENDS = (
    "id", "code", "key", "status", "type", "kind", "class", "category", "level", "channel", "zip", "postcode", "phone",
)  # fmt: skip


@dataclass
class Values:
    """One column of the sample: its cells that are there, in order, and how many rows there are."""

    header: str
    cells: list[object]
    row_count: int

    @property
    def texts(self) -> list[str]:
        return [shown for cell in self.cells if (shown := text(cell))]


@dataclass
class Typed:
    """What a column holds. `odd` are values that are not of its type."""

    type: str = "string"
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()
    odd: list[str] = field(default_factory=list)
    remark: str | None = None


@dataclass
class Conventions:
    """How the file writes dates, times and numbers. Several: nothing in the sample tells which."""

    date_formats: tuple[str, ...] = ()
    timestamp_formats: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()  # (thousands, decimal)
    null_texts: tuple[str, ...] = ()
    has_times_without_offset: bool = False


def words(header: str) -> str:
    """A header's words in lower case without accents: `maHoSo` and `Mã hồ sơ` both give ` ma ho so `."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header)
    return " " + " ".join(filter(None, (fold(part) for part in re.split(r"[\W_]+", spaced)))) + " "


def is_code(header: str) -> bool:
    """Whether a header speaks of a code: digits in such a column are no number."""
    named = words(header)
    return any(named.startswith(f" {word} ") for word in (*_CODE_STARTS, *_CODE_ENDS)) or any(
        named.endswith(f" {word} ") for word in _CODE_ENDS
    )


def infer(columns: Sequence[Values]) -> tuple[list[Typed], Conventions]:
    """Types of all columns of a sample, and the conventions that they share: a contract has one of each for the file."""
    nulls = tuple(each for each in NULLS if any(each in column.texts for column in columns))
    kinds = [_Kind(column, nulls) for column in columns]
    conventions = Conventions()
    _settle_dates(kinds, conventions)
    _settle_numbers(kinds, conventions)
    for kind in kinds:
        kind.settle()
    # '-' in a column of words may mean something; what stands where a number or a date should means nothing.
    used = {
        each
        for kind in kinds
        for each in kind.nulls
        if kind.typed.type != "string" or each not in ("-", "--")
    }
    conventions.null_texts = tuple(each for each in nulls if each in used)
    return [kind.typed for kind in kinds], conventions


class _Kind:
    """One column while its type is being found."""

    def __init__(self, column: Values, nulls: tuple[str, ...]):
        self.column = column
        self.nulls = {each for each in column.texts if each in nulls}
        self.cells = [cell for cell in column.cells if text(cell) and text(cell) not in nulls]
        self.shown = [text(cell) for cell in self.cells]
        self.texts = [text(cell) for cell in self.cells if isinstance(cell, str)]
        self.typed = Typed()
        self.is_settled = False
        is_day = all(map(moments.COMPACT_DAY.match, self.texts)) and moments.is_named(words(column.header))
        self.date_formats = self.fitting(moments.DATES, is_likely=is_day)
        self.timestamp_formats = {} if self.date_formats else self.fitting(moments.timestamps())
        self.number_signs: dict[tuple[str, str], int] = {}
        if not (self.date_formats or self.timestamp_formats) and self.is_numeric():
            self.number_signs = self.within(
                {each: numbers.count_odd(each, self.texts) for each in numbers.CONVENTIONS}
            )

    def fitting(self, formats: Sequence[str], *, is_likely: bool = False) -> dict[str, int]:
        """The formats that fit nearly all texts, with the number of those that they don't fit."""
        looks = is_likely or any(moments.LOOKS_LIKE_DATE.match(each) for each in self.texts[:500])
        if not self.texts or not looks:
            return {}
        hopeful = [
            name for name in formats if any(moments.is_moment(name, each) for each in self.texts[:_FEW])
        ]
        return self.within(
            {name: sum(not moments.is_moment(name, each) for each in self.texts) for name in hopeful}
        )

    def within(self, odd: dict[T, int]) -> dict[T, int]:
        """Those with few enough odd values, the fewest first. One that a few odd values speak against stays in the
        running: those may be mistakes as well."""
        allowed = TOLERATED * len(self.shown) if len(self.shown) >= _FEW else 0
        fitting = {name: count for name, count in odd.items() if count <= allowed}
        return dict(sorted(fitting.items(), key=lambda each: each[1]))

    def is_numeric(self) -> bool:
        if not self.cells or is_code(self.column.header):
            return False
        if any(isinstance(cell, bool | date | datetime | time) for cell in self.cells):
            return False
        digits = [each.lstrip("+-") for each in self.texts if numbers.PLAIN.match(each)]
        if any(len(each) > 1 and each.startswith("0") for each in digits):
            return False  # leading zeros mean something
        lengths = {len(each) for each in digits}
        return not (len(digits) == len(self.shown) > 1 and len(lengths) == 1 and min(lengths) >= 9)

    def settle(self) -> None:
        """What the column holds, where dates and numbers have not told it yet."""
        if self.is_settled or not self.cells:
            return
        if all(isinstance(cell, bool) for cell in self.cells):
            self.typed = Typed("boolean", ("true",), ("false",))
        elif pair := self.boolean():
            self.typed = Typed("boolean", *pair, odd=self.typed.odd)
        elif any(moments.LOOKS_LIKE_DATE.match(each) for each in self.texts) and self.share_of_dates() > 0.5:
            self.typed.remark = (
                self.typed.remark
                or "more than half look like dates, and no one dateFormat reads them all: taken as text"
            )

    def share_of_dates(self) -> float:
        return sum(bool(moments.LOOKS_LIKE_DATE.match(each)) for each in self.texts) / len(self.shown)

    def boolean(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        counts = Counter(self.shown)
        allowed = TOLERATED * len(self.shown) if len(self.shown) >= _FEW else 0
        has_blanks = len(self.cells) < self.column.row_count
        for yes, no in BOOLEANS:
            trues = tuple(sorted(each for each in counts if each.lower() == yes))
            falses = tuple(sorted(each for each in counts if each.lower() == no)) if no else ("",)
            odd = sum(counts.values()) - sum(counts[each] for each in (*trues, *falses))
            if trues and falses and odd <= allowed and (no or has_blanks):
                self.typed.odd = [each for each in self.shown if each not in (*trues, *falses)]
                return trues, falses
        return None


def _settle_dates(kinds: list[_Kind], conventions: Conventions) -> None:
    """One date format and one timestamp format for the file. Both have the same order of day and month."""
    dated = [kind for kind in kinds if kind.date_formats]
    timed = [kind for kind in kinds if kind.timestamp_formats]
    dates = _common([set(kind.date_formats) for kind in dated])
    times = _common([set(kind.timestamp_formats) for kind in timed])
    if dates and times:
        # The same signs in another order: what one tells, holds for the other.
        same = {moments.signs(each) for each in dates} & {moments.signs(moments.day(each)) for each in times}
        if same and (both := {each for each in dates if each in {moments.day(other) for other in times}}):
            dates, times = both, {each for each in times if moments.day(each) in both}
    dates, times = _strictest(dates, dated), _strictest(times, timed)
    conventions.date_formats = _likeliest(dates, dated)
    conventions.timestamp_formats = _likeliest(times, timed)
    conventions.has_times_without_offset = bool(times) and not any(each.endswith("XXX") for each in times)
    for type_, found, candidates, formats in (
        ("date", dates, dated, lambda kind: kind.date_formats),
        ("timestamp", times, timed, lambda kind: kind.timestamp_formats),
    ):
        for kind in candidates:
            kind.is_settled = True
            if found and found <= set(formats(kind)):
                likeliest = _likeliest(found, candidates)[0]
                kind.typed = Typed(
                    type_, odd=[each for each in kind.texts if not moments.is_moment(likeliest, each)]
                )
            else:
                kind.typed.remark = (
                    f"written as {moments.in_order(formats(kind))[0]}, other columns as {moments.in_order(found)[0]}:"
                    " a file has one way of writing them, so this one is read as text"
                )
    for kind in kinds:
        days = [cell for cell in kind.cells if isinstance(cell, date)]
        if not days or len(days) < len(kind.cells) * (1 - TOLERATED):
            continue
        kind.is_settled = True
        is_timed = any(isinstance(cell, datetime) and cell.time() != time() for cell in days)
        kind.typed = Typed("timestamp" if is_timed else "date", odd=list(kind.texts))
        if is_timed and any(isinstance(cell, datetime) and cell.tzinfo for cell in days):
            conventions.timestamp_formats = conventions.timestamp_formats or ("yyyy-MM-dd HH:mm:ssXXX",)
        elif is_timed:
            conventions.has_times_without_offset = True


def _common(found: list[set[T]]) -> set[T]:
    """What all columns can agree on, or else what those can that share the choice of the most."""
    if not found:
        return set()
    counts = Counter(each for choices in found for each in choices)
    most = max(counts.values())
    leader = next(each for each in counts if counts[each] == most)
    return set.intersection(*(choices for choices in found if leader in choices))


def _likeliest(formats: set[str], kinds: list[_Kind]) -> tuple[str, ...]:
    """The formats with the fewest odd values first."""
    return tuple(sorted(moments.in_order(formats), key=lambda each: _odd(each, kinds)))


def _strictest(formats: set[str], kinds: list[_Kind]) -> set[str]:
    return moments.strictest({each: _odd(each, kinds) for each in formats})


def _odd(format_: str, kinds: list[_Kind]) -> int:
    """How many values of these columns the format does not read."""
    return sum({**kind.date_formats, **kind.timestamp_formats}.get(format_, 0) for kind in kinds)


def _settle_numbers(kinds: list[_Kind], conventions: Conventions) -> None:
    """One pair of signs for the file: of those that fit, one must give other numbers than another to make a question."""
    numeric = [
        kind for kind in kinds if kind.number_signs or (kind.is_numeric() and _has_only_typed_numbers(kind))
    ]
    spoken = [kind for kind in numeric if any(not numbers.PLAIN.match(each) for each in kind.texts)]
    common = _common([set(kind.number_signs) for kind in spoken])
    fitting = [each for each in numbers.CONVENTIONS if each in common]
    agreed = [kind for kind in spoken if common <= set(kind.number_signs)]
    values = [each for kind in agreed for each in kind.texts if not numbers.PLAIN.match(each)]
    readings: dict[tuple[Decimal | None, ...], tuple[str, str]] = {}
    for convention in fitting:
        readings.setdefault(tuple(numbers.number(convention, each) for each in values), convention)
    conventions.numbers = tuple(
        numbers.narrowest(each, fitting, readings, values) for each in readings.values()
    )
    for kind in numeric:
        kind.is_settled = True
        if kind in spoken and kind not in agreed:
            kind.typed.remark = (
                "its numbers are written in another way than those of other columns: read as text"
            )
            continue
        read = [numbers.number(fitting[0] if fitting else ("", "."), each) for each in kind.texts]
        odd = [each for each, number in zip(kind.texts, read, strict=True) if number is None]
        whole = all(
            number is None or number == number.to_integral_value()
            for number in [
                *read,
                *(Decimal(str(cell)) for cell in kind.cells if isinstance(cell, int | float | Decimal)),
            ]
        ) and not any(_has_decimals(each, fitting) for each in kind.texts)
        kind.typed = Typed("integer" if whole else "number", odd=odd)
    if len(conventions.numbers) > 1:
        for kind in agreed:  # whole or not: it depends on the answer, and a number holds both
            kind.typed.type = "number"


def _has_only_typed_numbers(kind: _Kind) -> bool:
    return not kind.texts and all(isinstance(cell, int | float | Decimal) for cell in kind.cells)


def _has_decimals(value: str, fitting: list[tuple[str, str]]) -> bool:
    """A decimal sign makes a number of it even where only zeros follow."""
    return bool(fitting) and fitting[0][1] in value


def fits(
    value: str,
    typed: Typed,
    date_format: str | None,
    timestamp_format: str | None,
    signs: tuple[str, str] | None,
) -> bool:
    """Whether a text is of the type, written as the file writes it."""
    match typed.type:
        case "date":
            return moments.is_moment(date_format or "yyyy-MM-dd", value)
        case "timestamp":
            return moments.is_moment(timestamp_format or "yyyy-MM-dd HH:mm:ss", value)
        case "integer" | "number":
            number = numbers.number(signs or ("", "."), value)
            is_whole = (signs or ("", "."))[1] not in value
            return number is not None and (typed.type == "number" or is_whole)
        case "boolean":
            return value in (*typed.true_values, *typed.false_values)
        case _:
            return True
