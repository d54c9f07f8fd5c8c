"""A list of agencies as a province has it, in a CSV or Excel file with Vietnamese headers."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from kho.agencies.catalogue import Version
from kho.agencies.kinds import DIGITS, KINDS, Kind, bare, kind_named, kind_of
from kho.agencies.rules import CODE
from kho.formats import Unreadable, first_bytes, look
from kho.formats.block import composed
from kho.formats.guessing import guess
from kho.formats.header import fold

CODE_HEADER, UNIT, NAME, SHORT, KIND, PARENT, FROM, TO = HEADER = (
    "Mã định danh",
    "Mã đơn vị hành chính",
    "Tên",
    "Tên ngắn",
    "Loại",
    "Mã định danh cấp trên",
    "Hiệu lực từ",
    "Hiệu lực đến",
)
#: a list needs no column for what may be empty
_OPTIONAL = {SHORT, TO}
_HEAD = 30  # rows in which the header is looked for
_MOST_ROWS = 100_000
_LEAF_FIRST = re.compile(r"\d{2,5}(\.\d{2,5})*\.[A-Z]\d{2}")
_DAYS = ("%d/%m/%Y", "%Y-%m-%d")


class WrongList(Exception):
    """A list that can't be taken in; `problems` tell each with its place and remedy: `units.csv:12: …`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def listed(path: Path, known: Iterable[Version] = ()) -> list[Version]:
    """The versions that a list has. A short name that it leaves open is that which the agency is known by, or else
    made from its name. Raises `WrongList` with all that is wrong in its rows.

    Rows before the header, without a code, and columns of other names are passed over.
    """
    lines = _lines(path)
    at, places = _header(path, lines)
    problems: list[str] = []
    read: list[tuple[Version, Kind]] = []
    for number, cells in lines[at + 1 :]:
        row = {name: cells[place] if place < len(cells) else "" for name, place in places.items()}
        if not any(row.values()):
            continue
        place = f"{path.name}:{number}"
        wrong = list(_wrong(row))
        problems += [f"{place}: {problem}" for problem in wrong]
        if not wrong:
            read.append(_version(row, place))
    twice = Counter((each.agency_code, each.valid_from) for each, _ in read)
    problems += [
        f"{each.place}: {each.agency_code} is listed more than once from {each.valid_from} on: leave one row"
        for each, _ in read
        if twice[each.agency_code, each.valid_from] > 1
    ]
    if problems:
        raise WrongList(problems)
    if not read:
        raise WrongList([f"{path.name}: there is no row below the header: list at least one agency"])
    return _completed(read, list(known))


def rows(versions: Iterable[Version]) -> Iterator[tuple[str, ...]]:
    """Versions as the rows of a list: what `listed` reads as the same."""
    for each in versions:
        yield (
            each.agency_code, each.unit_code, each.name, each.short_name, kind_of(each).title,
            each.parent_agency_code, each.valid_from.isoformat(), each.valid_to.isoformat() if each.valid_to else "",
        )  # fmt: skip


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of the file with the numbers of their lines, or of their rows in the first sheet."""
    try:
        if path.suffix.lower() == ".xlsx":
            found = look(path, "xlsx", most=_MOST_ROWS)
            return [(number, [_text(cell) for cell in row]) for number, row in enumerate(found, 1)]
        data = path.read_bytes()
        encoding = guess(first_bytes(path)).encoding
        text = data.decode(encoding)
    except (Unreadable, UnicodeError, OSError) as error:
        raise WrongList(
            [f"{path.name}: can't be read ({error}): save it as an Excel workbook (.xlsx) or as CSV UTF-8"]
        ) from None
    delimiter = max(";\t,", key=text[:10_000].count)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    lines, number = [], 1
    for cells in reader:
        lines.append((number, [_text(cell) for cell in cells]))
        number = reader.line_num + 1
    return lines


def _text(cell: object) -> str:
    if isinstance(cell, datetime | date):
        return f"{cell:%Y-%m-%d}"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(composed(str(cell)).split())


def _header(path: Path, lines: list[tuple[int, list[str]]]) -> tuple[int, dict[str, int]]:
    """Which row is the header, and where each column stands."""
    best: dict[str, int] = {}
    at = 0
    for number, (_, cells) in enumerate(lines[:_HEAD]):
        folded = [fold(cell) for cell in cells]
        found = {name: folded.index(fold(name)) for name in HEADER if fold(name) in folded}
        if len(found) > len(best):
            best, at = found, number
    if missing := [name for name in HEADER if name not in best and name not in _OPTIONAL]:
        place = f"{path.name}:{lines[at][0]}" if best else path.name
        raise WrongList(
            [f"{place}: the header has no column {', '.join(missing)}: name the columns {', '.join(HEADER)}"]
        )
    return at, best


def _wrong(row: dict[str, str]) -> Iterator[str]:
    """What is wrong in a row by itself."""
    for header in (CODE_HEADER, PARENT):
        if not CODE.fullmatch(_canonical(row[header])) and (row[header] or header == CODE_HEADER):
            yield f"{header} is '{row[header]}': write H13.31639 or 000.31639.H13"
    if not row[NAME]:
        yield f"{NAME} is empty: write the agency's full name"
    kind = kind_named(row[KIND])
    if kind is None:
        yield f"{KIND} is '{row[KIND]}': write one of {', '.join(each.title for each in KINDS)}"
    else:
        if row[NAME] and not kind.is_named(row[NAME]):
            yield f"{NAME} '{row[NAME]}' is none of a {kind.title}: it is {' or '.join(kind.names)} …"
        if not kind.is_unit and row[UNIT]:
            yield f"{UNIT} is '{row[UNIT]}': a {kind.title} has none, leave it empty"
        sizes = [DIGITS[level] for level in kind.levels]
        if kind.is_unit and not (row[UNIT].isascii() and row[UNIT].isdigit() and len(row[UNIT]) in sizes):
            digits = " or ".join(map(str, sizes))
            yield f"{UNIT} is '{row[UNIT]}': that of a {kind.title} has {digits} digits; type it as text, zeros too"
    for header in (FROM, TO):
        day, text = _day(row.get(header, "")), row.get(header, "")
        if day is None and (text or header == FROM):
            yield f"{header} is '{text}': write a day as 01/07/2025"
        elif day and kind and day < kind.since:
            yield f"{header} is '{text}': there is no {kind.title} before {kind.since}"
        elif day and kind and day > kind.until:
            yield f"{header} is '{text}': there is no {kind.title} after {kind.until}"
    if kind and kind.until < date.max and not row.get(TO):
        yield f"{TO} is empty: there is no {kind.title} after {kind.until}"


def _version(row: dict[str, str], place: str) -> tuple[Version, Kind]:
    kind = kind_named(row[KIND])
    first = _day(row[FROM])
    assert kind and first, "a row that is not wrong"
    level = next((each for each in kind.levels if DIGITS[each] == len(row[UNIT])), kind.levels[0])
    version = Version(
        agency_code=_canonical(row[CODE_HEADER]),
        unit_code=row[UNIT],
        name=row[NAME],
        short_name=row.get(SHORT, ""),
        level=level,
        parent_agency_code=_canonical(row[PARENT]),
        valid_from=first,
        valid_to=_day(row.get(TO, "")),
        place=place,
    )
    return version, kind


def _canonical(code: str) -> str:
    """The code root first, as `canonical_agency_code` of dbt has it: `000.31639.H13` is `H13.31639`."""
    if not _LEAF_FIRST.fullmatch(code):
        return code
    return ".".join(part for part in reversed(code.split(".")) if part.strip("0"))


def _day(text: str) -> date | None:
    for form in _DAYS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def _completed(read: list[tuple[Version, Kind]], known: list[Version]) -> list[Version]:
    """The versions with the levels of departments, which are their units', and with all short names."""
    above = {each.agency_code: each for each in [*known, *(each for each, kind in read if kind.is_unit)]}
    called = {(each.agency_code, each.name): each.short_name for each in known}
    shared = Counter(_among(each) for each in above.values() if each.is_unit)
    whole = []
    for each, kind in read:
        up = above.get(each.parent_agency_code)
        level = up.level if up and not kind.is_unit else each.level
        short = each.short_name or called.get((each.agency_code, each.name))
        if not short and kind.is_unit:
            name = bare(each.name)
            short = f"{name} ({kind.title})" if shared[_among(each)] > 1 else name
        elif not short:
            short = each.name
            if up and level != "province" and fold(bare(up.name)) not in fold(short):
                short = f"{short} ({bare(up.name)})"
        whole.append(replace(each, level=level, short_name=short))
    return whole


def _among(unit: Version) -> tuple[str, str, str]:
    """Where the name of a unit has to tell it from others: its province, its level; and the name."""
    return unit.agency_code.partition(".")[0], unit.level, fold(bare(unit.name))
