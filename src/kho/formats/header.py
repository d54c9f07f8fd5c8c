"""Matching the header that a file has with the header that its contract expects."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kho.contract import Contract, telling
from kho.formats.block import Unreadable, composed

_FOLDS = str.maketrans({"đ": "d", "ð": "d"})
_GAPS = re.compile(r"[\s_\-./,:;()]+")


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Lower case, no accents, no spacing or punctuation: equal for spellings of the same words."""
    lowered = composed(text).lower().translate(_FOLDS)
    bare = "".join(c for c in unicodedata.normalize("NFD", lowered) if not unicodedata.combining(c))
    return _GAPS.sub("", bare)


@dataclass(frozen=True)
class Match:
    """Where each column of a contract stands in a file."""

    positions: dict[str, int]  # contract column name -> position in the file
    missing: list[str]  # headers of the contract that the file lacks
    unknown: dict[int, str]  # position -> header of the file that the contract lacks
    respelled: dict[str, int]  # contract's header -> position, where only equal after folding

    @property
    def places(self) -> dict[str, str]:
        """Where the unknown columns stand, by their headers, as messages tell it."""
        return {header: telling.column(position, header) for position, header in self.unknown.items()}


def match(contract: Contract, found: Sequence[str]) -> Match:
    """Match by header; exact spellings first, then folded ones. The order of columns is free."""
    found = [composed(name).strip() for name in found]
    left = {position for position, name in enumerate(found) if name}
    positions: dict[str, int] = {}
    respelled: dict[str, int] = {}
    for same in (lambda a, b: a == b, lambda a, b: fold(a) == fold(b)):
        for column in contract.columns:
            if column.name in positions:
                continue
            hit = next((p for p in sorted(left) if same(found[p], column.header)), None)
            if hit is not None:
                positions[column.name] = hit
                left.discard(hit)
                if found[hit] != column.header:
                    respelled[column.header] = hit
    missing = [column.header for column in contract.columns if column.name not in positions]
    return Match(positions, missing, {p: found[p] for p in sorted(left)}, respelled)


def expect_header(contract: Contract, found: Sequence[str]) -> Match:
    """The match, or `Unreadable` when this is another export's header (fewer than half of the columns are there that may
    not be absent)."""
    result = match(contract, found)
    needed = [column for column in contract.columns if not column.keys.may_be_absent] or contract.columns
    if sum(column.name in result.positions for column in needed) * 2 < len(needed):
        missing = [f"'{header}'" for header in result.missing]
        raise Unreadable(
            f"this is not the header of {contract.name}: {len(result.missing)} of {len(contract.columns)} columns are"
            f" missing ({_some(missing)}); found {_some(_told(contract, result, found))}"
        )
    return result


def find_header(
    contract: Contract, rows: Sequence[Sequence[str]], look_at: int = 30
) -> tuple[int, list[str]]:
    """Find the header below title rows: the index of its first row and the label of each column.

    A header of several rows has its labels merged: a column is named by its lowest filled cell.
    """
    height = contract.file.header_rows
    best: tuple[int, int, list[str]] | None = None
    for first in range(min(look_at, len(rows))):
        lines = rows[first : first + height]
        width = max((len(line) for line in lines), default=0)
        labels = ["" for _ in range(width)]
        for line in lines:
            for position, cell in enumerate(line):
                labels[position] = cell.strip() or labels[position]
        hits = len(match(contract, labels).positions)
        if best is None or hits > best[0]:
            best = (hits, first, labels)
    if best is None:
        raise Unreadable("no row at all: not even a header")
    expect_header(contract, best[2])
    return best[1], best[2]


def renamed(missing: Sequence[str], unknown: Mapping[str, str]) -> dict[str, str]:
    """For missing headers of the contract, where the new column stands that each may be now.

    `unknown`: the headers of the file that the contract lacks, and where they stand.
    """
    folded = {fold(header): place for header, place in unknown.items()}
    found = {}
    for header in missing:
        close = difflib.get_close_matches(fold(header), folded, n=1, cutoff=0.5)
        if not close and len(missing) == len(folded) == 1:
            close = list(folded)
        if close:
            found[header] = folded[close[0]]
    return found


def _told(contract: Contract, result: Match, found: Sequence[str]) -> list[str]:
    """The columns of a file: those that the contract knows by its own words, others by their shape."""
    known = {result.positions[each.name]: each for each in contract.columns if each.name in result.positions}
    return [
        f"'{known[position].header}'" if position in known else telling.column(position, header)
        for position, header in enumerate(found)
        if header
    ]


def _some(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "") if names else "nothing"
