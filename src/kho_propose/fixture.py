"""A fixture of a sample: its first rows in the same format and encoding, with made-up people in place of real ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kho.formats.header import fold
from kho_propose import types
from kho_propose.fixture_bytes import packed, written
from kho_propose.layout import text
from kho_propose.proposal import Column, Proposal, Sample
from kho_propose.stand_ins import Secrets

MOST_ROWS = 20


@dataclass(frozen=True)
class Fixture:
    """A file's name and bytes; `problem` says why there is none."""

    name: str
    content: bytes | None
    problem: str | None = None


def make(proposal: Proposal) -> Fixture:
    """The fixture of the first sample that has rows."""
    sample = next(each for each in proposal.samples if each.layout.data)
    name = sample.path.name
    if proposal.shape.format in ("xls", "ods"):
        return Fixture(
            name, None, f"Kho can read {proposal.shape.format}, not write it: cut a sample down by hand"
        )
    places = _places(proposal, sample)
    rows = _rows(proposal, sample, places)
    if not any(is_data for _, is_data in rows):
        return Fixture(
            name,
            None,
            "every row of the sample has personal data in columns that are not personal, or is odd",
        )
    content = written(proposal, sample, rows)
    return Fixture(name, packed(content, name, proposal.shape.compression))


def _places(proposal: Proposal, sample: Sample) -> dict[int, Column]:
    """The column of each place in the file's rows."""
    left = list(proposal.columns)
    found: dict[int, Column] = {}
    for same in (str.__eq__, lambda a, b: fold(a) == fold(b)):
        for place, label in enumerate(sample.layout.header):
            hit = next(
                (column for column in left if place not in found and label and same(column.header, label)),
                None,
            )
            if hit:
                found[place] = hit
                left.remove(hit)
    return found


def _rows(proposal: Proposal, sample: Sample, places: dict[int, Column]) -> list[tuple[list[object], bool]]:
    """Titles, header, then rows that load, and one of each kind that is no data; whether each is a row of data."""
    layout, secret = sample.layout, Secrets(proposal)
    titles = [
        [f"Title {n + 1}" if text(cell) else cell for cell in sample.rows[n]] for n in range(layout.first)
    ]
    header = sample.rows[layout.first : layout.first + layout.header_rows]
    if not layout.header_rows or proposal.shape.is_named:
        titles, header = [], sample.rows[:1]
    chosen: list[tuple[list[object], bool]] = [(list(row), False) for row in [*titles, *header]]
    seen: set[tuple[str, ...]] = set()
    shown: set[tuple[str, str]] = set()
    data = set(layout.data)
    left = MOST_ROWS
    for n in range(layout.first + layout.header_rows, len(sample.rows)):
        row = list(sample.rows[n])
        if n in data and left:
            key = tuple(text(row[place]) for place, column in places.items() if column.key_position)
            if key in seen or not _loads(proposal, row, places) or secret.is_in(row, places):
                continue
            seen.add(key)
            left -= 1
            chosen.append((secret.replaced(row, places), True))
        elif n in layout.skipped and (left or n > max(data)) and not secret.is_in(row, {}):
            kind = _kind(row, proposal, places)
            if kind and kind not in shown:
                shown.add(kind)
                chosen.append((row, False))
    return chosen


def _kind(row: Sequence[object], proposal: Proposal, places: dict[int, Column]) -> tuple[str, str] | None:
    for name, pattern, _ in proposal.skips:
        place = next((place for place, column in places.items() if column.name == name), None)
        if place is not None and place < len(row) and re.search(pattern, text(row[place])):
            return name, pattern
    return None


def _loads(proposal: Proposal, row: Sequence[object], places: dict[int, Column]) -> bool:
    nulls = proposal.conventions.null_texts
    for place, column in places.items():
        cell = row[place] if place < len(row) else None
        shown = text(cell)
        if not shown or shown in nulls:
            if column.is_required:
                return False
            continue
        if isinstance(cell, str) and not types.fits(
            shown, column.typed, proposal.date_format, proposal.timestamp_format, proposal.numbers
        ):
            return False
    return all(column in places.values() for column in proposal.columns if column.is_required)
