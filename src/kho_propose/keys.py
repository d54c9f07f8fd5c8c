"""What tells a row from the others: columns, or a few of them together, that are filled and differ on every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from kho_propose.types import Typed, words

MOST_COLUMNS = 4
#: share of rows that may lack the key or repeat it: such rows would be rejects
TOLERATED = 0.005
_MOST_CANDIDATES = 14

_KEY_WORDS = ("ma", "so", "so hieu", "id", "code", "key", "uuid", "number", "ky hieu", "so vao so", "no")
_VERSION_WORDS = (
    "cap nhat", "sua", "thay doi", "chinh sua", "update", "updated", "modified", "changed", "last", "version", "timestamp",
)  # fmt: skip
_ORDINAL_WORDS = (" stt ", " tt ", " so thu tu ", " ordinal ", " no ", " row ", " row number ", " # ")


@dataclass(frozen=True)
class KeyColumn:
    """A column as the search for keys sees it."""

    name: str
    header: str
    typed: Typed
    values: Sequence[object]  # of every row, in order; None where there is none
    is_personal: bool


def is_ordinal(header: str, values: Sequence[object]) -> bool:
    """Whether a column only counts the rows: its numbers change whenever a row comes or goes."""
    named = words(header)
    if named.strip() == "" or named in _ORDINAL_WORDS:
        return True
    numbers = [int(str(each)) for each in values if str(each).isdecimal()]
    is_counted = len(numbers) > 5 and numbers == list(range(1, len(numbers) + 1))
    return (
        is_counted
        and len(numbers) == len(values)
        and not any(f" {word} " in named for word in ("ma", "id", "code"))
    )


def keys(columns: Sequence[KeyColumn], files: Sequence[int]) -> list[tuple[str, ...]]:
    """Keys that fit, best first: one column if any will do, else the fewest together; a personal one only at last.

    `files` says of every row in which of the files it stands: a later one may bring a row of an earlier one again.
    """
    for candidates in (
        [each for each in columns if not each.is_personal and each.typed.type != "timestamp"],
        [each for each in columns if not each.is_personal],
        list(columns),
    ):
        usable = [each for each in candidates if _is_usable(each)]
        usable = sorted(usable, key=lambda each: -_score(each, columns))[:_MOST_CANDIDATES]
        for size in range(1, MOST_COLUMNS + 1):
            found = [some for some in combinations(usable, size) if _is_unique(some, files)]
            if found:
                best = sorted(found, key=lambda some: -sum(_score(each, columns) for each in some))
                order = [each.name for each in columns]
                return [tuple(sorted((each.name for each in some), key=order.index)) for some in best]
    return []


def version_columns(columns: Sequence[KeyColumn]) -> list[str]:
    """Columns that may hold the source's own time of a row's version, best first: times, named like updates."""
    named = [
        each
        for each in columns
        if each.typed.type == "timestamp"
        and any(f" {word} " in words(each.header) for word in _VERSION_WORDS)
        and all(value is not None for value in each.values)
    ]
    return [each.name for each in reversed(named)]


def _is_usable(column: KeyColumn) -> bool:
    if column.typed.type in ("boolean", "number") or is_ordinal(column.header, column.values):
        return False
    missing = sum(value is None for value in column.values)
    texts = {str(value) for value in column.values if value is not None}
    longest = max(map(len, texts), default=0)
    return missing <= TOLERATED * len(column.values) and len(texts) > 1 and longest <= 100


def _is_unique(some: Sequence[KeyColumn], files: Sequence[int]) -> bool:
    rows = [row for row in zip(files, *(each.values for each in some), strict=True) if None not in row]
    return len(rows) - len(set(rows)) <= TOLERATED * len(rows)


def _score(column: KeyColumn, columns: Sequence[KeyColumn]) -> float:
    """How much a column looks like part of a key."""
    named = words(column.header)
    score = 0.0
    if any(named.startswith(f" {word} ") or named.endswith(f" {word} ") for word in _KEY_WORDS):
        score += 2
    if any(f" {word} " in named for word in ("id", "code", "ma", "uuid")):
        score += 1
    texts = [str(value) for value in column.values if value is not None]
    mean = sum(map(len, texts)) / max(len(texts), 1)
    score += {"string": 0.5, "integer": 0.3, "date": 0.2}.get(column.typed.type, -2)
    score -= 2 if mean > 40 else 0  # a text, not a code
    if column.typed.type == "integer" and not any(f" {word} " in named for word in _KEY_WORDS):
        score -= 1.5  # a measure is unique by chance
    position = next(n for n, each in enumerate(columns) if each.name == column.name)
    return score + 1 - position / len(columns)
