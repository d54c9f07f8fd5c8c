"""Names: of columns from their headers, of the files of an export from the names of the samples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from kho_propose.types import words

_MOST_LETTERS = 40
_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")
_PART = re.compile(r"(?P<word>part[_-]?|(?=\d+of\d))\d+(of(?P<parts>\d+))?")
_GROUP = r"(?P<business_date>\d{8})"
# Words that SQL keeps for itself, and columns that every table has.
_RESERVED_TEXT = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
collation column concurrently constraint create cross current_catalog current_date current_role
current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
only or order outer overlaps placing primary references returning right select session_user similar some
symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when
where window with ctid xmin xmax cmin cmax tableoid oid
"""
_RESERVED = set(_RESERVED_TEXT.split())


def column_names(headers: Sequence[str], entity: str) -> list[str]:
    """A name for each header: its words without accents, joined by `_`, each once."""
    names: list[str] = []
    for number, header in enumerate(headers, 1):
        name = re.sub(r"[^a-z0-9]+", "_", words(header).strip()).strip("_")[:_MOST_LETTERS].strip("_")
        if not name or not name[0].isalpha():
            name = f"column_{name or number}"[:_MOST_LETTERS]
        if name in _RESERVED:
            name = f"{singular(entity)}_{name}"[-_MOST_LETTERS:].lstrip("_0123456789")
        base, count = name, 1
        while name in names:
            count += 1
            name = f"{base[: _MOST_LETTERS - 4]}_{count}"
        names.append(name)
    return names


def singular(word: str) -> str:
    """An English plural's singular; other words stay."""
    for ending, instead in (("ies", "y"), ("ses", "s"), ("xes", "x"), ("ss", "ss"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + instead
    return word


@dataclass(frozen=True)
class FileNames:
    """What the names of the samples say of the export's files."""

    pattern: str
    dates: tuple[date, ...]  # of the samples, where their names have one
    has_units: bool = False  # something in the names says whose file it is: several are of one date
    has_parts: bool = False  # or which part of a date's rows it holds


def file_names(names: Sequence[str]) -> FileNames:
    """The regular expression that the names share; without a date in them, one of names that hold none."""
    found = [_dated(name) for name in names]
    if not all(found):
        return FileNames(_shared([name for name, day in zip(names, found, strict=True) if not day]), ())
    befores, days, afters = zip(*(each for each in found if each), strict=True)
    before, after = _shared(befores), _shared(afters)
    has_parts = any(_parts(texts) for texts in (befores, afters))
    differ = any(len(set(texts)) > 1 and all(_middles(texts)) for texts in (befores, afters))
    return FileNames(f"{before}{_GROUP}{after}", tuple(days), differ and not has_parts, has_parts)


def frequency(days: Sequence[date]) -> str | None:
    """d, m or q when the dates are in a row so; None when they don't tell."""
    days = sorted(set(days))
    if len(days) < 2:
        return None
    if all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days)):
        return "d"
    months = [day.year * 12 + day.month for day in days]
    if len(days) < 3:  # two ends of months may be picked from a daily export
        return None
    if all((day + timedelta(days=1)).day == 1 for day in days) and _steps(months) == {1}:
        return "m"
    if all(day.day == 1 and day.month % 3 == 1 for day in days) and _steps(months) == {3}:
        return "q"
    return None


def _plain(text: str) -> str:
    """A pattern for just this text."""
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)


def without_date(name: str) -> str:
    """What stays the same in the names of one list's files."""
    found = _dated(name)
    return f"{found[0]}*{found[2]}" if found else name


def _steps(numbers: Sequence[int]) -> set[int]:
    return {later - earlier for earlier, later in pairwise(numbers)}


def _dated(name: str) -> tuple[str, date, str] | None:
    """What stands before the date in a name, the date, and what stands after it."""
    for match in reversed(list(_COMPACT.finditer(name))):
        try:
            day = date(*(int(part) for part in match.groups()))
        except ValueError:
            continue
        return name[: match.start()], day, name[match.end() :]
    return None


def _shared(texts: Sequence[str]) -> str:
    """A pattern for texts that are the same but for one stretch in them."""
    first = texts[0]
    if parts := _parts(texts):
        of = r"of(?P<parts>\d+)" if parts[0]["parts"] else ""
        before, after = (
            [each.string[: each.start()] for each in parts],
            [each.string[each.end() :] for each in parts],
        )
        return rf"{_shared(before)}{_plain(parts[0]['word'])}(?P<part>\d+){of}{_shared(after)}"
    if len(set(texts)) == 1:
        return _plain(first)
    head, tail = _borders(texts)
    middles = _middles(texts)
    if not all(middles) and all(re.fullmatch("(_[A-Za-z0-9]+)?", each) for each in middles):
        kind = "(_[A-Za-z0-9]+)?"
    elif all(each.isdigit() for each in middles):
        kind = r"\d+"
    else:
        kind = "[^_]+" if all(each and "_" not in each for each in middles) else ".*"
    return f"{_plain(first[:head])}{kind}{_plain(first[len(first) - tail :])}"


def _parts(texts: Sequence[str]) -> list[re.Match[str]]:
    """Where each name says which part it is (`part2`, `2of3`); none if one doesn't."""
    found = [match for each in texts if (match := _PART.search(each))]
    return found if len(found) == len(texts) and len({each["word"] for each in found}) == 1 else []


def _middles(texts: Sequence[str]) -> list[str]:
    head, tail = _borders(texts)
    return [each[head : len(each) - tail] for each in texts]


def _borders(texts: Sequence[str]) -> tuple[int, int]:
    """How long the shared beginning and ending are; both stop where words do, so that other units' names fit too."""
    first, shortest = texts[0], min(map(len, texts))
    head = next((n for n in range(shortest) if len({each[n] for each in texts}) > 1), shortest)
    while head and first[head - 1] not in "_-":
        head -= 1
    tail = next(
        (n for n in range(shortest - head) if len({each[-1 - n] for each in texts}) > 1), shortest - head
    )
    borders = "_-." if first.startswith((".", "_")) else "_-"
    while tail and first[len(first) - tail] not in borders:
        tail -= 1
    return head, tail
