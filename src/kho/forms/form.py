"""A statutory form before it is written in any format: its heads, sections and numbers. Texts are Vietnamese."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class Head:
    """A column's title; with columns below it, the title of all of them."""

    title: str
    below: tuple[Head, ...] = ()

    @property
    def width(self) -> int:
        """How many columns it stands over."""
        return sum(head.width for head in self.below) or 1

    @property
    def height(self) -> int:
        """How many lines of heads it begins, its own included."""
        return 1 + max((head.height for head in self.below), default=0)


@dataclass(frozen=True)
class Line:
    """A row: its number, what it is of, and a number for each column; None where there can be none.

    A `Decimal` is printed with two decimals.
    """

    ordinal: str
    title: str
    counts: tuple[int | Decimal | None, ...]
    note: str = ""
    is_total: bool = False


@dataclass(frozen=True)
class Section:
    """Rows under a title of their own."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Issue:
    """A form as it was handed in: by a position, never a name."""

    version: int
    reported_by: str
    reported_at: datetime


@dataclass(frozen=True)
class Form:
    """A statutory form of a scope and period.

    The first two columns are the ordinal and `subject`; `heads` stand over the columns after them. `notices` say what has
    to be known of the numbers. One without a `name` is called by its code.
    """

    code: str
    title: str
    basis: str
    issuer: str
    scope_code: str
    scope_name: str
    period_title: str
    first_day: date
    last_day: date
    as_of: date | None
    parameter_set: str
    parameter_title: str
    release: int
    subject: str
    heads: tuple[Head, ...]
    sections: tuple[Section, ...]
    notices: tuple[str, ...]
    name: str = ""
    issue: Issue | None = None

    @property
    def width(self) -> int:
        """How many columns of numbers there are."""
        return sum(head.width for head in self.heads)

    @property
    def total(self) -> Line:
        """The line of the whole scope."""
        return [line for section in self.sections for line in section.lines if line.is_total][-1]
