"""Ways of writing dates and times, and whether a text is one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import cache

#: patterns of the date formats that a contract knows
DATES = {
    "yyyy-MM-dd": r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)",
    "yyyy/MM/dd": r"(?P<y>\d{4})/(?P<m>\d\d)/(?P<d>\d\d)",
    "dd/MM/yyyy": r"(?P<d>\d\d)/(?P<m>\d\d)/(?P<y>\d{4})",
    "MM/dd/yyyy": r"(?P<m>\d\d)/(?P<d>\d\d)/(?P<y>\d{4})",
    "dd-MM-yyyy": r"(?P<d>\d\d)-(?P<m>\d\d)-(?P<y>\d{4})",
    "MM-dd-yyyy": r"(?P<m>\d\d)-(?P<d>\d\d)-(?P<y>\d{4})",
    "dd.MM.yyyy": r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4})",
}
_TIMES = {"HH:mm": r"([01]\d|2[0-3]):[0-5]\d", "HH:mm:ss": r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"}
_GAPS = {" ": " ", "'T'": "T"}
_OFFSETS = {"": "", "XXX": r"(Z|[+-]\d\d(:?\d\d)?)"}
_OFFSET = re.compile(r":\d\d(?:\.\d+)?(Z|[+-]\d\d(?::?\d\d)?)$")
#: the ways of writing UTC's
UTC = {"Z", "+00:00", "+0000", "+00", "-00:00", "-0000", "-00"}
LOOKS_LIKE_DATE = re.compile(r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([ T].*)?$")


@cache
def timestamps() -> dict[str, str]:
    """Patterns of all timestamp formats that a contract knows."""
    return {
        f"{start}{gap}{clock}{offset}": f"{day_pattern}{gap_pattern}{clock_pattern}{offset_pattern}"
        for start, day_pattern in DATES.items()
        for gap, gap_pattern in _GAPS.items()
        for clock, clock_pattern in _TIMES.items()
        for offset, offset_pattern in _OFFSETS.items()
    }


def timestamp(format_: str) -> str:
    """The pattern of a timestamp format, which may quote an offset at its end."""
    face, quoted, offset = format_.removesuffix("'").rpartition("'")
    if quoted and face in timestamps():
        return timestamps()[face] + re.escape(offset)
    return timestamps()[format_]


def said_offsets(values: Iterable[str]) -> set[str]:
    """What times say of their offset, each way of writing it once."""
    return {match[1] for each in values if (match := _OFFSET.search(each))}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def is_moment(pattern: str, value: str) -> bool:
    """Whether a text fits the pattern of a format, and is a day of the calendar."""
    match = _compiled(pattern).fullmatch(value)
    if not match:
        return False
    try:
        date(int(match["y"]), int(match["m"]), int(match["d"]))
    except ValueError:
        return False
    return True


def signs(format_: str) -> str:
    """What stands between day, month and year."""
    return re.sub(r"[A-Za-z]+", "", format_)


def day(format_: str) -> str:
    """The date format that a timestamp format begins with."""
    return next(each for each in DATES if format_.startswith(each))


def in_order(formats: Iterable[str]) -> tuple[str, ...]:
    """Formats in the order of preference: this country's way before the American one."""
    order = [*DATES, *timestamps()]
    return tuple(sorted(formats, key=order.index))
