"""Made-up people in place of those in a sample: the same stand-in for the same value, in the same shape."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random

from kho.formats.header import fold
from kho_propose import personal
from kho_propose.fixture_bytes import encoded
from kho_propose.layout import text
from kho_propose.proposal import Column, Proposal
from kho_sample import people

# Shorter values of a personal column stand elsewhere by chance: in a cell as a whole, or within one.
_LEAST_LETTERS, _LEAST_WITHIN = 4, 6


class Secrets:
    """What people are in the sample, and who stands in for them."""

    def __init__(self, proposal: Proposal):
        self.proposal = proposal
        self.known = {
            folded
            for column in proposal.columns
            if column.personal and column.personal.kind not in ("birth", "text")
            for value in column.values
            if len(folded := fold(text(value))) >= _LEAST_LETTERS
        }
        self.lengths = {length for length in map(len, self.known) if length >= _LEAST_WITHIN}

    def is_in(self, row: Sequence[object], places: dict[int, Column]) -> bool:
        """Whether a cell outside of the personal columns holds somebody, or looks as if it did."""
        for place, cell in enumerate(row):
            column = places.get(place)
            if (column and column.personal) or cell is None or isinstance(cell, date | bool):
                continue
            shown = text(cell)
            if self.has_known(fold(shown)):
                return True
            if isinstance(cell, str) and " " in shown and personal.has_traces(shown):
                return True
        return False

    def has_known(self, folded: str) -> bool:
        return folded in self.known or any(
            folded[start : start + length] in self.known
            for length in self.lengths
            for start in range(len(folded) - length + 1)
        )

    def replaced(self, row: list[object], places: dict[int, Column]) -> list[object]:
        return [
            self.stand_in(cell, column.personal.kind)
            if (column := places.get(place)) and column.personal and text(cell) not in ("", *self.nulls())
            else cell
            if column
            else None  # what no header names is not taken along
            for place, cell in enumerate(row)
        ]

    def nulls(self) -> tuple[str, ...]:
        return self.proposal.conventions.null_texts

    def stand_in(self, cell: object, kind: personal.Kind) -> object:
        """Somebody of the same shape; the same one for the same value."""
        shown = text(cell)
        rng = Random(f"{kind} {shown}")
        if isinstance(cell, datetime | date):
            return cell - timedelta(days=rng.randint(1000, 5000))
        if not isinstance(cell, str):
            return type(cell)(int(_digits(str(int(cell)), people.identity_number(rng))))  # type: ignore[call-overload]
        match kind:
            case "name":
                made = people.name(rng)
                made = made.upper() if shown.isupper() else made
            case "phone":
                made = _digits(shown, people.phone(rng))
            case "identity":
                made = _digits(shown, people.identity_number(rng))
            case "email":
                made = f"{fold(people.name(rng))}{rng.randint(1, 99)}@example.com"
            case "address":
                made = people.address(rng)
            case "birth":
                made = re.sub(r"\d", "", shown) and self.birth(shown, rng)
            case "text":
                made = "Made-up text" if shown.isascii() else "Nội dung minh họa"
        return self.encodable(made or "0000")

    def birth(self, shown: str, rng: Random) -> str:
        day = date(1950, 1, 1) + timedelta(days=rng.randint(0, 20_000))
        for pattern in ("%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d"):
            try:
                datetime.strptime(shown, pattern)
            except ValueError:
                continue
            return day.strftime(pattern)
        return str(day.year)

    def encodable(self, made: str) -> str:
        try:
            encoded(made, self.proposal.encoding)
        except UnicodeEncodeError:
            bare = unicodedata.normalize("NFD", made.replace("đ", "d").replace("Đ", "D"))
            return "".join(letter for letter in bare if letter.isascii())
        return made


def _digits(shown: str, made: str) -> str:
    """The made-up digits in the places of the real ones."""
    supply = iter(made * (len(shown) // len(made) + 1))
    digits = [next(supply) if each.isdigit() else each for each in shown]
    return "".join(digits) if any(each.isdigit() for each in digits) else made
