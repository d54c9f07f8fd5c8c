"""Where the header stands among a file's rows, and which rows are no data: titles, sections, totals, what follows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from kho.formats.block import composed

LOOK_AT = 40
_TOTAL = re.compile(r"^(Tổng cộng|Tổng số|Tổng|Cộng|Grand total|Subtotal|Total|Sum)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"^\(?(\d{1,3}|[A-Za-z])\)?$")
_YEAR = re.compile(r"^(19|20)\d\d$")
_NUMERIC = re.compile(r"^[+-]?[\d.,: /\-%]*\d[\d.,: /\-%]*$")
# In order of preference: the rules that tell a section row from data by what stands in one column.
_SECTIONS = (r"^[IVXLC]+\.?$", r"^[A-Z]\.?$", r"^[IVXLC]+[.)] ", r"^[A-Z][.)] ")

Row = Sequence[object]


@dataclass(frozen=True)
class Skip:
    """A rule for rows that are no data: by the text in one column."""

    position: int
    pattern: str
    why: str


@dataclass
class Layout:
    """Rows sorted by what they are. Indexes are of the rows that were looked at."""

    header: list[str]
    first: int = 0
    header_rows: int = 1
    data: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    left_over: list[int] = field(default_factory=list)  # look like no data, and no rule tells them
    has_header: bool = True


def text(cell: object) -> str:
    """A cell's text, tidied; empty for what is not there."""
    return "" if cell is None else " ".join(composed(str(cell)).split())


def find(rows: Sequence[Row], *, is_named: bool = False, most_header_rows: int = 6) -> Layout:
    """Sort the rows of one file. `is_named`: the first row holds the columns' names for sure (JSON, Parquet, XML)."""
    grid = [[text(cell) for cell in row] for row in rows]
    if is_named or not grid:
        header = grid[0] if grid else []
        return Layout(header, data=[n for n in range(1, len(grid)) if any(grid[n])])
    first = _first_header_row(rows, grid)
    if first is None:
        return Layout([], has_header=False)
    height = _height(rows, grid, first, most_header_rows)
    layout = Layout(_labels(grid[first : first + height]), first, height)
    _sort(layout, rows, grid)
    return layout


def _first_header_row(rows: Sequence[Row], grid: list[list[str]]) -> int | None:
    widths = [len(_different(line)) for line in grid if any(line)]
    usual = sorted(widths)[int(len(widths) * 0.6)] if widths else 0
    wide = max(len([cell for cell in line if cell]) for line in grid)
    for n, line in enumerate(grid[:LOOK_AT]):
        filled = [cell for cell in line if cell]
        if not filled or len(_different(line)) < max(1 if wide == 1 else 2, round(usual * 0.4)):
            continue
        if _is_label_row(rows[n], line):
            return n
        if len(filled) * 2 >= wide:
            return None  # data come first: nothing names the columns
    return None


def _is_label_row(row: Row, line: list[str]) -> bool:
    """Words only: no number, no date, no long text."""
    filled = [(cell, shown) for cell, shown in zip(row, line, strict=True) if shown]
    odd = [
        shown
        for cell, shown in filled
        if len(shown) > 120
        or isinstance(cell, date | datetime)
        or (_NUMERIC.match(shown) and not _YEAR.match(shown.removesuffix(".0")))
    ]
    return len(odd) * 10 < len(filled)


def _different(line: list[str]) -> set[str]:
    return {cell for cell in line if cell}


def _height(rows: Sequence[Row], grid: list[list[str]], first: int, most: int) -> int:
    """How many rows the header takes: a row goes on with it when it names what the row above leaves open or spans."""
    height = 1
    while first + height < len(grid) and height < most:
        above, line = grid[first + height - 1], grid[first + height]
        labels = _labels(grid[first : first + height])
        if not any(line) or not _is_label_row(rows[first + height], line):
            break
        filled = {n for n, cell in enumerate(line) if cell}
        spanning = {
            n for n, cell in enumerate(labels) if cell and cell in (labels[n - 1 : n] + labels[n + 1 : n + 2])
        }
        repeated = {n for n in filled if n < len(above) and line[n] == labels[n]}
        holes = {n for n, cell in enumerate(labels) if not cell}
        spanning |= {n for n in range(len(labels)) if labels[n] and n + 1 in holes}
        # Where merged cells are repeated, a label over several columns has labels of its own below; where they are
        # blank, the row below fills blanks and nothing else.
        if not (filled & spanning - repeated - {n - 1 for n in holes}) and not (
            filled & holes and filled <= holes | repeated | spanning
        ):
            break
        height += 1
    return height


def _labels(lines: list[list[str]]) -> list[str]:
    """The label of each column: its lowest filled cell."""
    labels = [""] * max(len(line) for line in lines)
    for line in lines:
        for n, cell in enumerate(line):
            labels[n] = cell or labels[n]
    return labels


def _sort(layout: Layout, rows: Sequence[Row], grid: list[list[str]]) -> None:
    start = layout.first + layout.header_rows
    body = [n for n in range(start, len(grid)) if any(grid[n])]
    usual = sorted(_width(grid[n]) for n in body)[len(body) // 2] if body else 0
    odd: list[tuple[int, int]] = []  # row, column of its first text
    for n in body:
        line = grid[n]
        place = next(i for i, cell in enumerate(line) if cell)
        if line == [*layout.header, *line[len(layout.header) :]]:
            layout.skipped.append(n)
        elif (
            _is_total(line[place], _width(line), usual)
            or _is_section(line[place], _width(line), usual)
            or (n == body[0] and _counts_columns(line))
        ):
            odd.append((n, place))
        else:
            layout.data.append(n)
    _rule_out(layout, grid, odd)


def _width(line: list[str]) -> int:
    """How many cells are filled; words that a merged cell repeats count once."""
    return sum(
        bool(cell) and (n == 0 or cell != line[n - 1] or bool(_NUMERIC.match(cell)))
        for n, cell in enumerate(line)
    )


def _is_total(first: str, width: int, usual: int) -> bool:
    match = _TOTAL.match(first)
    if match is None or usual < 2:
        return False
    is_whole = match[0] == first.rstrip(": ")
    # "Tổng cục Thuế" is no total.
    return is_whole or (" " in match[0] and width < max(usual, 3))


def _is_section(first: str, width: int, usual: int) -> bool:
    """A few cells where rows have many; where it is numbered as sections are, half of them will do."""
    is_numbered = any(re.search(pattern, first) for pattern in _SECTIONS)
    return usual >= 3 and width <= (usual // 2 if is_numbered else min(2, max(1, usual // 3)))


def _counts_columns(line: list[str]) -> bool:
    """A row that numbers the columns: (1), (2), (3)."""
    filled = [cell for cell in line if cell]
    if len(filled) < 3:
        return False
    digits = [int(match[1]) for cell in filled if (match := _NUMBERED.match(cell)) and match[1].isdigit()]
    return (
        len(digits) >= len(filled) * 0.7
        and digits == list(range(digits[0], digits[0] + len(digits)))
        and any("(" in cell for cell in filled)
    )


def _rule_out(layout: Layout, grid: list[list[str]], odd: list[tuple[int, int]]) -> None:
    """A rule for each odd row where one can be made that no row of data falls under."""
    for n, place in odd:
        cell = grid[n][place]
        known = next((s for s in layout.skips if s.position == place and re.search(s.pattern, cell)), None)
        rule = known or next(
            (
                rule
                for rule in _rules(cell, place)
                if not any(
                    re.search(rule.pattern, grid[row][place]) for row in layout.data if place < len(grid[row])
                )
            ),
            None,
        )
        if rule is None:
            layout.left_over.append(n)
            continue
        if rule is not known:
            layout.skips.append(rule)
        layout.skipped.append(n)


def _rules(cell: str, place: int) -> list[Skip]:
    if match := _TOTAL.match(cell):
        return [
            Skip(
                place,
                f"^{match[1]}\\s*:?\\s*$" if match[1] == cell.rstrip(": ") else f"^{match[1]}",
                "total row",
            )
        ]
    found = [Skip(place, pattern, "section row") for pattern in _SECTIONS if re.search(pattern, cell)]
    if re.match(r"^\(\d+\)$", cell):
        found.append(Skip(place, r"^\(\d+\)$", "row that numbers the columns"))
    if word := re.match(r"^([^\W\d_]{3,}) ", cell):
        found.append(Skip(place, f"^{word[1]} ", "section row"))
    return found
