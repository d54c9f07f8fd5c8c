"""Ways of writing dates and times, and whether a text is one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache

from kho.contract import moments as language
from kho.contract.moments import pattern

#: the date formats that are proposed
DATES = (*language.DATES, *language.OTHER_DATES)
_DAY = r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}[-/]\d{1,2}[-/]\d\d)([ T].*)?"
LOOKS_LIKE_DATE = re.compile(
    rf"^({_DAY}|(19|20)\d{{2}}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])[T ]?([01]\d|2[0-3])[0-5]\d([0-5]\d.*)?)$"
)
COMPACT_DAY = re.compile(r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$")
_OFFSET = re.compile(rf":\d\d(?:\.\d+)?({language.AN_OFFSET})$")
#: the ways of writing UTC's
UTC = {"Z", "+00:00", "+0000", "+00", "-00:00", "-0000", "-00"}


@cache
def timestamps() -> tuple[str, ...]:
    """The timestamp formats that are proposed."""
    formats = [
        f"{day}{gap}{clock}{offset}"
        for day in DATES
        if day != language.COMPACT
        for gap in language.GAPS
        for clock in (*reversed(language.CLOCKS), *language.OTHER_CLOCKS)
        for offset in ("", language.OFFSET)
    ]
    formats += [
        f"{language.COMPACT}{gap}{clock}{offset}"
        for gap in ("", *language.GAPS)
        for clock in ("HHmm", "HHmmss")
        for offset in ("", language.OFFSET)
    ]
    return tuple(formats)


def said_offsets(values: Iterable[str]) -> set[str]:
    """What times say of their offset, each way of writing it once."""
    return {match[1] for each in values if (match := _OFFSET.search(each))}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def is_moment(format_: str, value: str) -> bool:
    """Whether a text is written as the format says, and is a day of the calendar."""
    written = pattern(format_)
    match = _compiled(written.expression).fullmatch(value)
    if not match:
        return False
    letters = [each for each in written.letters if each[0].isalpha() and each != "T"]
    parts = {each[0]: match[number] for number, each in enumerate(letters, 1) if each[0] in "yMd"}
    year = int(parts["y"])
    try:
        date(
            year if len(parts["y"]) == 4 else year + (1900 if year >= 70 else 2000),
            int(parts["M"]),
            int(parts["d"]),
        )
    except ValueError:
        return False
    return True


def strictest(formats: Mapping[str, int]) -> set[str]:
    """The formats, of two that differ by how many digits they ask for only the one that reads more texts, or asks for more.

    They are given with the number of texts that each does not read.
    """
    return {
        each
        for each, odd in formats.items()
        if not any(
            (_is_stricter(other, each) and others <= odd) or (_is_stricter(each, other) and others < odd)
            for other, others in formats.items()
            if other != each
        )
    }


def _is_stricter(one: str, other: str) -> bool:
    """Whether the one asks two digits where the other one takes one or two, and they are the same else."""
    mine, theirs = pattern(one).letters, pattern(other).letters
    return len(mine) == len(theirs) and all(
        a == b or (a == b * 2 and b in ("d", "M", "H", "h")) for a, b in zip(mine, theirs, strict=True)
    )


def is_named(header_words: str) -> bool:
    """Whether a header's words speak of days: eight digits in such a column are one."""
    return any(f" {word} " in header_words for word in ("ngay", "date", "day", "han"))


def signs(format_: str) -> str:
    """What stands between day, month and year."""
    return re.sub(r"[A-Za-z]+", "", format_)


def day(format_: str) -> str:
    """The date format that a timestamp format begins with."""
    return pattern(format_).day


def in_order(formats: Iterable[str]) -> tuple[str, ...]:
    """Formats in the order of preference: this country's way before the American one."""
    order = [*DATES, *timestamps()]
    return tuple(sorted(formats, key=order.index))
