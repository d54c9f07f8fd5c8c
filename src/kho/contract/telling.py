"""What a message may say of a source's own words: where they stand and how they look, never what they are.

Messages go to the digest, Data Docs and logs, and nobody knows where a person stands in a file that is not as its
contract says: a header may be a row of data, the name of a file or of a sheet somebody's. So nothing is told of them but
by what is in here. Words of the contract are told as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable
from datetime import date
from typing import TypeVar

from kho.contract.model import Contract

Said = TypeVar("Said", bound=Hashable)

#: how Vietnamese agencies and units are identified (QCVN 102, statistics): 000.00.12.H51, H51.12, 946, 31663
_AGENCY = re.compile(r"(\d{2,3}\.){0,4}[A-Z]\d{2}(\.\d{2,5}){0,4}|\d{2,5}")


def shape(text: str) -> str:
    """How a text looks: `2 words, 9 letters`, `4 letters 8 digits`, `nothing`."""
    words = unicodedata.normalize("NFC", text).split()
    counts = Counter(map(_kind, "".join(words)))
    told = " ".join(_counted(counts[kind], kind) for kind in ("letter", "digit", "sign") if counts[kind])
    return f"{len(words)} words, {told}" if len(words) > 1 else told or "nothing"


def column(position: int, text: str) -> str:
    """The column at this position (0 is the first) by its place and the shape of its header."""
    return f"column {position + 1} ({shape(text)})"


def unit(text: str) -> str:
    """A unit by the code that the name of a file holds; what does not look like an agency's code by its shape."""
    return text if _AGENCY.fullmatch(text) else f"a unit ({shape(text)})"


def delivery(contract: Contract, name: str, day: date | None = None) -> str:
    """A file by what its name says in the contract's own words: its day, whose it is, which part."""
    named = contract.named(name)
    day = day or contract.day_of(name)
    if not day:
        return f"a file (name of {len(name)} characters)"
    part, parts = (
        number if (number := named.get(group) or "").isdecimal() and len(number) < 5 else ""
        for group in ("part", "parts")
    )
    return (
        f"delivery of {day}"
        + (f" by {unit(of)}" if (of := named.get("unit")) else "")
        + (f", part {part}" if part else "")
        + (f" of {parts}" if part and parts else "")
    )


def together(said: Iterable[tuple[str, Said]]) -> list[tuple[list[str], Said]]:
    """What is said of several, once, with those that it is said of, in the order in which they come."""
    of: dict[Said, list[str]] = {}
    for name, text in said:
        of.setdefault(text, []).append(name)
    return [(names, text) for text, names in of.items()]


def _kind(character: str) -> str:
    return "letter" if character.isalpha() else "digit" if character.isdecimal() else "sign"


def _counted(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"
