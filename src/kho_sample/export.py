"""One exported file, and the spoiled rows that real exports have."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any


@dataclass(frozen=True)
class Export:
    """A file as a system hands it over: on the evening of `arrives`."""

    system: str
    entity: str
    name: str
    content: bytes
    arrives: date


@dataclass(frozen=True)
class Line:
    """A row of an export. `key` tells which record it is a version of."""

    key: str
    values: Any


Spoil = Callable[[Random, Any], Any]

#: a file never has more than one spoiled row in so many: such files are held by nobody
ROWS_PER_SPOILED = 50


def spoil(
    files: dict[date, list[Line]],
    spoilers: Sequence[Spoil],
    rng: Random,
    is_open: Callable[[date], bool],
    share: float = 0.004,
    rows_per_spoiled: int = ROWS_PER_SPOILED,
) -> None:
    """Spoil a share of the rows of `files` (by their dates) and let each come again, mended, in a later file.

    A row of a record whose newer version follows anyway may stay broken. Rows of the last files are never spoiled,
    so that everything is mended by the end. `is_open` tells the dates whose file may hold a mended row.
    """
    dates = sorted(files)
    newest = {line.key: day for day in dates for line in files[day]}
    mended: dict[date, list[Line]] = {}
    turn, wanted = 0, 0.0
    for position, day in enumerate(dates):
        later = [other for other in dates[position + 1 :] if is_open(other)][:3]
        lines = files[day]
        if not later:
            break
        wanted += share * len(lines)
        count = min(int(wanted), len(lines) // rows_per_spoiled)
        wanted -= count
        for index in sorted(rng.sample(range(len(lines)), count)):
            line = lines[index]
            change = spoilers[turn % len(spoilers)]
            turn += 1
            lines[index] = Line(line.key, change(rng, line.values))
            if newest[line.key] == day or rng.random() < 0.5:
                mended.setdefault(rng.choice(later), []).append(line)
        if count and rng.random() < 0.5:
            lines.append(rng.choice([line for line in lines if line.key]))  # one row comes twice
    for day, lines in mended.items():
        files[day].extend(lines)


def monthly(lines: Iterable[tuple[date, Line]], ends: Sequence[date]) -> dict[date, list[Line]]:
    """Lines by the month whose file holds them: the newest of a record in the month, in their order."""
    files: dict[date, dict[str, Line]] = {end: {} for end in ends}
    for day, line in lines:
        files[next(end for end in ends if day <= end)][line.key] = line
    return {end: list(found.values()) for end, found in files.items()}


def put_cell(position: int, *values: str) -> Spoil:
    """Spoils a row of cells by one of these values."""
    return lambda rng, cells: [*cells[:position], rng.choice(values), *cells[position + 1 :]]


def crlf_csv(rows: list[list[str]]) -> str:
    """Rows as `;`-separated text with CRLF, as a Vietnamese Excel writes it."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def control(export: Export, rows: int) -> Export:
    """The control file that follows an export: how many rows it holds."""
    return Export(
        export.system, export.entity, f"{export.name}.ctl", f"rows={rows}\n".encode(), export.arrives
    )
