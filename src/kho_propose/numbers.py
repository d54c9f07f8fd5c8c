"""Ways of writing numbers, and what a text means in each."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

#: (thousands, decimal) signs, the usual ones of this country first
CONVENTIONS = ((".", ","), (",", "."), (" ", ","), (" ", "."), ("", "."), ("", ","))
#: digits alone: any signs will do
PLAIN = re.compile(r"^[+-]?\d{1,18}$")


def narrowest(
    convention: tuple[str, str],
    fitting: list[tuple[str, str]],
    readings: dict[tuple[Decimal | None, ...], tuple[str, str]],
    values: list[str],
) -> tuple[str, str]:
    """Of the pairs that read all values alike, the one without a thousands sign if none is needed."""
    mine = next(reading for reading, each in readings.items() if each == convention)
    alike = [each for each in fitting if tuple(number(each, value) for value in values) == mine]
    return next((each for each in alike if not each[0]), alike[0])


@cache
def _pattern(convention: tuple[str, str]) -> re.Pattern[str]:
    thousands, point = convention
    # Nobody writes 0.123 for a hundred and twenty-three.
    groups = rf"[1-9]\d{{0,2}}({re.escape(thousands)}\d{{3}}){{1,5}}|" if thousands else ""
    return re.compile(rf"^[+-]?({groups}\d{{1,18}})({re.escape(point)}\d+)?$")


def number(convention: tuple[str, str], value: str) -> Decimal | None:
    """What a text means with these signs; None if it is no number then."""
    if not _pattern(convention).match(value):
        return None
    thousands, point = convention
    return Decimal((value.replace(thousands, "") if thousands else value).replace(point, "."))


def count_odd(convention: tuple[str, str], values: list[str]) -> int:
    """How many texts are no numbers with these signs."""
    return sum(number(convention, each) is None for each in values)
