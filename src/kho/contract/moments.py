"""The language in which a contract says how dates and times are written: letters as in Java's and Unicode's patterns.

A letter that stands twice (`dd`, `HH`) is two digits; alone (`d`, `H`) it is one or two, so `d/M/yyyy` reads `1/6/2021` and
`01/06/2021`. `yy` is a year of 1970 to 2069, `hh` and `h` an hour of twelve with `a` behind it (AM, PM, SA or CH).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

#: ways of writing a date in which every digit has its place, this country's before the American one
DATES = (
    "yyyy-MM-dd",
    "yyyy/MM/dd",
    "dd/MM/yyyy",
    "dd-MM-yyyy",
    "dd.MM.yyyy",
    "MM/dd/yyyy",
    "MM-dd-yyyy",
)
COMPACT = "yyyyMMdd"
#: the other ways that are looked for where a contract's own does not read a file
OTHER_DATES = (
    "yyyy-M-d",
    "yyyy/M/d",
    "d/M/yyyy",
    "d-M-yyyy",
    "d.M.yyyy",
    "M/d/yyyy",
    "M-d-yyyy",
    "dd/MM/yy",
    "dd-MM-yy",
    "d/M/yy",
    COMPACT,
)
CLOCKS = ("HH:mm:ss", "HH:mm")
OTHER_CLOCKS = ("H:mm:ss", "H:mm", "hh:mm:ss a", "hh:mm a", "h:mm:ss a", "h:mm a")
GAPS = (" ", "'T'")
OFFSET = "XXX"

DATES_TOLD = (
    "day, month and year in any order that has the day next to the month (yyyy-MM-dd, dd/MM/yyyy, M/d/yyyy), with '-', '/' or"
    " '.' between them, or yyyyMMdd; d and M may have one digit, dd and MM have two; yy is a year from 1970 to 2069"
)
TIMES_TOLD = (
    "a date, a space or 'T' (nothing behind yyyyMMdd), and HH:mm, H:mm, HHmm (behind yyyyMMdd) or hh:mm a and h:mm a (AM, PM,"
    " SA, CH), each with seconds or without (HH:mm:ss; fractions of seconds need no letters), and XXX where an offset follows (`+02:00`,"
    " `+0200`, `+02` or `Z`, each row its own), or an offset in quotes (`yyyy-MM-dd HH:mm:ss'+00:00'`) that all of them end with"
    " and that is not true: then they are of `timeZone`"
)

#: what an offset looks like
AN_OFFSET = r"(?:Z|[+-]\d\d(?::?\d\d)?)"
_SIGN = r"(?P<sign>[-/.])"
_DATE = re.compile(
    rf"dd?{_SIGN}MM?(?P=sign)(?:yyyy|yy)|yyyy{_SIGN.replace('sign', 'sign2')}MM?(?P=sign2)dd?"
    rf"|MM?{_SIGN.replace('sign', 'sign3')}dd?(?P=sign3)(?:yyyy|yy)|yyyyMMdd"
)
_END = rf"(?:XXX|'{AN_OFFSET}')?"
_CLOCK = rf"(?: |'T')(?:HH?:mm(?::ss)?|hh?:mm(?::ss)? ?a){_END}"
_TIME = re.compile(rf"(?:{_DATE.pattern}){_CLOCK}|yyyyMMdd(?: |'T')?HHmm(?:ss)?{_END}")
_LETTERS = re.compile(r"yyyy|yy|MM?|dd?|HH?|hh?|mm|ss|XXX|a|'[^']+'|[-/.: ]")
#: what stands for a letter, as PostgreSQL's and Python's expressions say it
_READ = {
    "yyyy": r"\d{4}",
    "yy": r"\d\d",
    "MM": r"\d\d",
    "M": r"\d{1,2}",
    "dd": r"\d\d",
    "d": r"\d{1,2}",
    "HH": r"[01]\d|2[0-3]",
    "H": r"[01]?\d|2[0-3]",
    "hh": r"0[1-9]|1[0-2]",
    "h": r"0?[1-9]|1[0-2]",
    "mm": r"[0-5]\d",
    "ss": r"[0-5]\d(?:\.\d{1,9})?",
    "a": r"[AaPp][Mm]|[Ss][Aa]|[Cc][Hh]",
    OFFSET: AN_OFFSET,
}


@dataclass(frozen=True)
class Pattern:
    """How moments are written."""

    text: str

    @cached_property
    def letters(self) -> tuple[str, ...]:
        return tuple(_LETTERS.findall(self.text))

    @cached_property
    def day(self) -> str:
        """The way in which a day alone is written."""
        day = _DATE.match(self.text)
        return day[0] if day else self.text

    @property
    def is_time(self) -> bool:
        return self.day != self.text

    @property
    def has_offset(self) -> bool:
        return OFFSET in self.letters

    @cached_property
    def quoted(self) -> str:
        """The offset that each text ends with and that means nothing; empty where there is none."""
        last = self.letters[-1]
        return last.strip("'") if last.startswith("'") and last != "'T'" else ""

    @property
    def face(self) -> str:
        """The pattern without that offset."""
        return self.text.removesuffix(f"'{self.quoted}'") if self.quoted else self.text

    @property
    def has_own_places(self) -> bool:
        """Whether every digit has its place, and the parts of the day are parted by signs."""
        return self.has_places and self.day != COMPACT

    @property
    def has_places(self) -> bool:
        """Whether every digit has its place, up to a fraction and an offset at the end."""
        return {"yy", "M", "d", "H", "h", "hh", "a"}.isdisjoint(self.letters)

    @cached_property
    def expression(self) -> str:
        """What such a text looks like; each part is a group."""
        return "".join(
            f"({_READ[each]})" if each in _READ else re.escape(each.strip("'")) for each in self.letters
        )

    @cached_property
    def begins(self) -> re.Pattern[str]:
        """How such a text begins, with every digit a zero: up to its minutes."""
        upto = self.letters[: self.letters.index("mm") + 1] if self.is_time else self.letters
        shown = {"M": "0{1,2}", "d": "0{1,2}", "H": "0{1,2}", "h": "0{1,2}"}
        return re.compile(
            "".join(
                shown.get(each) or ("0" * len(each) if each in _READ else re.escape(each.strip("'")))
                for each in upto
            )
        )

    @cached_property
    def as_iso(self) -> str:
        """The groups of the expression as a server reads them (`\\3-\\2-\\1 \\4:\\5`); a year of two digits stays one."""
        groups = [each for each in self.letters if each in _READ]
        at = {_part(each): f"\\{number}" for number, each in enumerate(groups, 1)}
        day, clock = f"{at['y']}-{at['M']}-{at['d']}", ":".join(at[each] for each in "hms" if each in at)
        return " ".join(filter(None, (day, clock, at.get("a"), at.get("X"))))


def _part(letters: str) -> str:
    """The part of a moment, whatever the way in which it is written."""
    return "h" if letters[0] == "H" else letters[0]


@lru_cache(maxsize=1_000)
def pattern(text: str) -> Pattern:
    """The pattern that a contract gives, or that a day's is."""
    return Pattern(text)


def is_date(text: str) -> bool:
    """Whether it is a way of writing dates."""
    return _DATE.fullmatch(text) is not None


def is_time(text: str) -> bool:
    """Whether it is a way of writing times."""
    return _TIME.fullmatch(text) is not None
